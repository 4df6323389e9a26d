import type { KeyObject } from 'node:crypto';
import type { Deployment, PollRequest, PollResponse, UpdateOutcome } from '@flotilla/contracts';
import type { Logger } from '@flotilla/service';
import { isUnconfirmed, otherSlot, type SlotName } from '../slots/domain/slot-state.ts';
import type { BootedSlot, SlotBackend } from '../slots/slot-backend.ts';
import { asRefusal } from '../update-refusal.ts';
import { chooseSource, writeArtifact } from './artifact-source.ts';
import type { ArtifactTransfer } from './artifact-transfer.ts';
import { decideResume, nextPhase, type UpdateEvent } from './domain/update-machine.ts';
import type { Journal } from './journal.ts';
import { isSameOffer, judgeOffer } from './offer.ts';
import { outcomeOf, type FailureWords, type UpdateAttempt } from './update-attempt.ts';
import type { UpdateHistory } from './update-history.ts';
import type { UpdateReporter } from './update-reporter.ts';

export interface UpdaterOptions {
  readonly model: string;
  readonly trustedKeys: readonly KeyObject[];
  readonly slots: SlotBackend;
  readonly journal: Journal;
  readonly history: UpdateHistory;
  readonly reporter: UpdateReporter;
  readonly transfer: ArtifactTransfer;
  /** Asks until there is an answer; null only when the signal fires. */
  readonly poll: (request: PollRequest, signal: AbortSignal) => Promise<PollResponse | null>;
  readonly newId: () => string;
  readonly now: () => number;
  readonly logger: Logger;
}

/** `reboot`: let the loader choose again. */
export type Next = 'operate' | 'trial' | 'reboot';

/** Takes an update through its phases; each is in the journal before the step that cannot be undone. */
export class Updater {
  readonly #options: UpdaterOptions;
  #running: BootedSlot | null = null;
  /** Bytes of the attempt that crossed the network, ahead of what the journal says. */
  #received = 0;

  constructor(options: UpdaterOptions) {
    this.#options = options;
  }

  /** What a poll says about this device. */
  pollRequest(): PollRequest {
    return {
      runningVersion: this.#running?.content.version ?? null,
      runningSha256: this.#running?.content.sha256 ?? null,
    };
  }

  /**
   * After every boot, null when nothing could be booted: settles what an earlier run left and says
   * what to do now.
   */
  async afterBoot(booted: BootedSlot | null): Promise<Next> {
    const { slots, journal, history, logger } = this.#options;
    this.#running = booted;
    const { phase, attempt } = journal.entry;
    const target = attempt?.target ?? null;
    const states = slots.environment().slots;
    const decision = decideResume({
      phase,
      target: target === null ? null : { slot: target, state: states[target].kind },
      booted: booted === null ? null : { slot: booted.slot, state: states[booted.slot].kind },
    });
    switch (decision.kind) {
      case 'trial':
        return this.#enterTrial();
      case 'arm':
        await this.#arm();
        return 'reboot';
      case 'reject':
        logger.error({ slot: booted?.slot }, 'the journal knows of no trial: the slot is given up');
        if (booted !== null) await slots.reject(booted.slot);
        return 'reboot';
      case 'finish': {
        const isLost = target !== null && states[target].kind === 'empty';
        const words = attempt?.trialFailure ?? (isLost ? ENVIRONMENT_LOST : null);
        if (decision.event !== null) await this.#end(decision.event, words);
        await this.#finish();
        return booted === null || this.#isConfirmed(booted.slot) ? 'operate' : 'reboot';
      }
      case 'operate':
        // The power may have gone between confirming the slot and raising the version.
        if (booted !== null && this.#isConfirmed(booted.slot)) {
          await history.raiseConfirmedVersion(booted.content.version);
        }
        await this.#aimAway();
        return 'operate';
    }
  }

  /** A deployment from a poll; starts an attempt unless this round is over for this device. */
  async consider(deployment: Deployment): Promise<void> {
    const { history, journal, model, trustedKeys, now } = this.#options;
    if (journal.entry.phase !== 'IDLE') return;
    if (history.hasFinished(deployment.campaignId, deployment.round)) return;
    const running = this.#running;
    const decision = judgeOffer(deployment, trustedKeys, {
      model,
      highestConfirmedVersion: history.highestConfirmedVersion,
      running: running && { ...running.content, isConfirmed: this.#isConfirmed(running.slot) },
    });
    if (decision.kind === 'wait') return;
    if (decision.kind === 'refuse') {
      const attempt = this.#newAttempt(deployment, decision.version);
      const outcome = outcomeOf('failed', decision.failure, now());
      await journal.save({ phase: nextPhase('IDLE', 'refused'), attempt, outcome });
      return this.#finish();
    }
    const { version, artifact } = decision.manifest;
    const attempt = this.#newAttempt(deployment, version);
    if (decision.kind === 'already_running') {
      const outcome = outcomeOf('confirmed', null, now());
      await journal.save({ phase: nextPhase('IDLE', 'already_running'), attempt, outcome });
      return this.#finish();
    }
    const source = chooseSource(deployment, this.#running?.content.sha256 ?? null);
    const accepted = {
      ...attempt,
      artifact: { sha256: artifact.sha256, sizeBytes: artifact.sizeBytes },
      target: this.#freeSlot(),
      usedDelta: source.kind === 'delta',
    } as const;
    await journal.save({
      phase: nextPhase('IDLE', 'accepted'),
      attempt: accepted,
      outcome: null,
    });
  }

  /** Takes the attempt, if there is one, as far as an armed slot. */
  async advance(signal: AbortSignal): Promise<Next> {
    const { journal } = this.#options;
    if (journal.entry.phase === 'INSTALLING') await this.#move('accepted');
    if (journal.entry.phase !== 'DOWNLOADING') return 'operate';
    try {
      if (!(await this.#download(signal))) return 'operate';
      await this.#install();
      await this.#arm();
      return 'reboot';
    } catch (error) {
      const refusal = asRefusal(error, 'internal_error');
      this.#options.logger.warn({ err: refusal }, 'update refused');
      await this.#end('refused', { reason: refusal.reason, detail: refusal.message });
      await this.#finish();
      return 'operate';
    }
  }

  /** The trial is over and the new firmware stays. */
  async trialPassed(): Promise<void> {
    const { slots } = this.#options;
    const { target } = this.#attempt();
    if (target !== null) await slots.confirm(target);
    await this.#end('passed', null);
    await this.#finish();
  }

  /** This boot of the trial failed; the loader decides whether there is another. */
  async trialBootFailed(failure: FailureWords): Promise<void> {
    const { journal } = this.#options;
    const { phase } = journal.entry;
    const attempt = { ...this.#attempt(), trialFailure: failure };
    await journal.save({ phase, attempt, outcome: null });
  }

  /**
   * The loader chose a slot in which nothing can be read. If it holds the update under way, that is
   * the word about its trial; the journal comes first, since the loader then leaves the slot for good.
   */
  async slotUnreadable(slot: SlotName, why: string): Promise<void> {
    const { slots, journal } = this.#options;
    const { attempt, outcome } = journal.entry;
    if (attempt?.target === slot && outcome === null) {
      await this.trialBootFailed({ reason: 'trial_crashed', detail: why });
    }
    await slots.markUnreadable(slot);
  }

  #isConfirmed(slot: SlotName): boolean {
    return this.#options.slots.environment().slots[slot].kind === 'good';
  }

  /** The one that does not run. */
  #freeSlot(): SlotName {
    return this.#running === null ? 'a' : otherSlot(this.#running.slot);
  }

  /** A download outlives the slot it began beside: if its target runs now, it goes to the other. */
  async #aimAway(): Promise<void> {
    const { journal } = this.#options;
    const { attempt } = journal.entry;
    if (attempt === null || this.#running === null || attempt.target !== this.#running.slot) return;
    const aimed = {
      ...attempt,
      target: this.#freeSlot(),
      fromVersion: this.#running.content.version,
      usedDelta: this.#source(attempt).kind === 'delta',
    };
    await journal.save({ ...journal.entry, attempt: aimed });
  }

  async #enterTrial(): Promise<Next> {
    const { reporter, now } = this.#options;
    await this.#move('booted_target');
    await reporter.progress(this.#attempt(), 'trial', now());
    return 'trial';
  }

  /** True when everything is on disk and the offer still stands. */
  async #download(signal: AbortSignal): Promise<boolean> {
    const { transfer, reporter, now, journal } = this.#options;
    const attempt = this.#attempt();
    const source = this.#source(attempt);
    await reporter.progress(attempt, 'downloading', now());
    await transfer.discardOthers(source);
    await transfer.checkSpace(source, attempt.artifact?.sizeBytes ?? 0);
    // What an earlier run fetched before it was cut off crossed the network as well.
    this.#received = Math.max(attempt.transferBytes, await transfer.presentBytes(source));
    const stillOffered = () => this.#stillOffered(attempt.deployment, signal);
    const result = await transfer.fetch(source, signal, stillOffered, (count) => {
      this.#received += count;
    });
    if (result.kind === 'stopped') return false;
    if (result.kind === 'withdrawn' || !(await stillOffered())) {
      if (!signal.aborted) await this.#withdraw();
      return false;
    }
    await journal.save({
      phase: nextPhase('DOWNLOADING', 'downloaded'),
      attempt: { ...attempt, transferBytes: this.#received },
      outcome: null,
    });
    return true;
  }

  async #install(): Promise<void> {
    const { slots, transfer, reporter, now } = this.#options;
    const attempt = this.#attempt();
    const { target, artifact, version } = attempt;
    if (target === null || artifact === null) throw new Error('the attempt has no target');
    await reporter.progress(attempt, 'installing', now());
    const source = this.#source(attempt);
    const basePath = this.#running === null ? null : slots.artifactPath(this.#running.slot);
    try {
      const writer = await slots.openForWriting(target);
      try {
        await writeArtifact(source, transfer.pathOf(source), basePath, writer, artifact);
        await writer.finish();
      } finally {
        await writer.abandon();
      }
      await slots.seal(target, { version, ...artifact });
    } catch (error) {
      throw asRefusal(error, 'slot_write_failed');
    }
    await this.#move('verified');
  }

  async #arm(): Promise<void> {
    const { target } = this.#attempt();
    if (target !== null) await this.#options.slots.arm(target);
    await this.#move('armed');
  }

  async #stillOffered(deployment: Deployment, signal: AbortSignal): Promise<boolean> {
    const response = await this.#options.poll(this.pollRequest(), signal);
    const offered = response?.deployment ?? null;
    return offered !== null && isSameOffer(offered, deployment);
  }

  /** Quietly: the server knows that it took the offer back. */
  async #withdraw(): Promise<void> {
    const { journal, transfer, logger } = this.#options;
    logger.info({ version: this.#attempt().version }, 'the offer was withdrawn');
    await transfer.discardOthers(null);
    nextPhase(journal.entry.phase, 'withdrawn');
    this.#received = 0;
    await journal.clear();
  }

  async #move(event: UpdateEvent): Promise<void> {
    const { journal } = this.#options;
    const phase = nextPhase(journal.entry.phase, event);
    await journal.save({ phase, attempt: this.#attempt(), outcome: null });
  }

  /** Into one of the three last phases, with the outcome that will be reported. */
  async #end(event: UpdateEvent, failure: FailureWords | null): Promise<void> {
    const { journal, now } = this.#options;
    const phase = nextPhase(journal.entry.phase, event);
    const outcome = outcomeOf(OUTCOMES[phase] ?? 'failed', failureOf(event, failure), now());
    const attempt = this.#attempt();
    const transferBytes = Math.max(attempt.transferBytes, this.#received);
    await journal.save({ phase, attempt: { ...attempt, transferBytes }, outcome });
  }

  /** Repeatable up to its last line: each step is idempotent, and a restart begins it again. */
  async #finish(): Promise<void> {
    const { journal, slots, history, reporter, transfer } = this.#options;
    const { phase, outcome } = journal.entry;
    const attempt = this.#attempt();
    const { target, version } = attempt;
    if (outcome === null) throw new Error(`the journal says ${phase} without an outcome`);
    if (phase === 'CONFIRMED') await history.raiseConfirmedVersion(version);
    else if (target !== null && isUnconfirmed(slots.environment().slots[target])) {
      await slots.reject(target);
    }
    const { campaignId, round } = attempt.deployment;
    await history.recordFinished({ campaignId, round, outcome: outcome.state });
    await reporter.outcome(attempt, outcome);
    await transfer.discardOthers(null);
    nextPhase(phase, 'reported');
    this.#received = 0;
    await journal.clear();
  }

  #attempt(): UpdateAttempt {
    const { phase, attempt } = this.#options.journal.entry;
    if (attempt === null) throw new Error(`the journal says ${phase} without an attempt`);
    return attempt;
  }

  #source(attempt: UpdateAttempt) {
    return chooseSource(attempt.deployment, this.#running?.content.sha256 ?? null);
  }

  #newAttempt(deployment: Deployment, version: string): UpdateAttempt {
    const { newId } = this.#options;
    return {
      deployment,
      version,
      artifact: null,
      target: null,
      fromVersion: this.#running?.content.version ?? null,
      usedDelta: false,
      transferBytes: 0,
      reportIds: { downloading: newId(), installing: newId(), trial: newId(), final: newId() },
      trialFailure: null,
    };
  }
}

const OUTCOMES: Readonly<Partial<Record<string, UpdateOutcome>>> = {
  CONFIRMED: 'confirmed',
  ROLLED_BACK: 'rolled_back',
  FAILED: 'failed',
};

const ENVIRONMENT_LOST: FailureWords = {
  reason: 'internal_error',
  detail: 'the boot environment was lost before the new firmware was confirmed',
};

/** A trial that left no word ended with the agent itself: the device went down under the new firmware. */
function failureOf(event: UpdateEvent, failure: FailureWords | null): FailureWords | null {
  if (event === 'passed') return null;
  return (
    failure ?? {
      reason: 'trial_crashed',
      detail: 'the device restarted during the trial until its boots were used up',
    }
  );
}
