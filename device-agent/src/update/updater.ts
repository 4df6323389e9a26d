import {
  DELTA_CODEC,
  type Deployment,
  type PollRequest,
  type PollResponse,
} from '@flotilla/contracts';
import type { Logger } from '@flotilla/service';
import type { ProbeAnswer } from '../firmware/custom-probe.ts';
import { isDiskFault, isDiskFull } from '../disk/durable-file.ts';
import { otherSlot, type SlotName } from '../slots/domain/slot-state.ts';
import type { BootedSlot, SlotBackend } from '../slots/slot-backend.ts';
import type { DeviceTrust } from '../trust/device-trust.ts';
import { asRefusal, UpdateRefusal } from '../update-refusal.ts';
import type { ArtifactDelivery } from './artifact-delivery.ts';
import type { AttemptLedger } from './attempt-ledger.ts';
import { observeBoot } from './boot-observation.ts';
import { isOffered, type DownloadStage } from './download-stage.ts';
import { decideFallback } from './domain/fallback-decision.ts';
import { decideResume, type UpdateEvent } from './domain/update-machine.ts';
import { ENVIRONMENT_LOST, failureOf, WAY_BACK_LOST, wordsOf } from './failure-words.ts';
import type { Hooks } from './hooks.ts';
import { judgeOffer } from './offer.ts';
import { factsOf, newAttempt, type FailureWords, type UpdateAttempt } from './update-attempt.ts';
import type { UpdateHistory } from './update-history.ts';
import type { UpdateReporter } from './update-reporter.ts';
import type { UpdateWait } from './update-wait.ts';
import type { WayBack } from './way-back.ts';

export interface UpdaterOptions {
  readonly model: string;
  readonly hardwareRevision: string | null;
  /** What the slots take. */
  readonly format: 'tar' | 'image';
  readonly trust: Pick<DeviceTrust, 'targetAt'>;
  readonly slots: SlotBackend;
  readonly ledger: AttemptLedger;
  readonly history: UpdateHistory;
  readonly reporter: UpdateReporter;
  readonly delivery: ArtifactDelivery;
  readonly download: DownloadStage;
  readonly hooks: Hooks;
  readonly wait: UpdateWait;
  readonly wayBack: WayBack;
  /** Where the deployment states no budget of its own. */
  readonly deltaFallbackMaxBytes: number;
  readonly newId: () => string;
  readonly now: () => number;
  readonly logger: Logger;
}

/** Over all boots of a trial, beyond what a machine that restarts as planned comes to. */
const MAX_TRIAL_STARTS = 20;

/** `reboot`: let the loader choose again. */
export type Next = 'operate' | 'trial' | 'reboot';

/** Takes an update through its phases; each is in the journal before the step that cannot be undone. */
export class Updater {
  readonly #options: UpdaterOptions;
  #running: BootedSlot | null = null;
  /** What stands in the journal is not settled, for want of room to say so. */
  #isBehind = false;

  constructor(options: UpdaterOptions) {
    this.#options = options;
  }

  /** What a poll says about this device. */
  pollRequest(): PollRequest {
    const { hardwareRevision } = this.#options;
    return {
      runningVersion: this.#running?.content.version ?? null,
      runningSha256: this.#running?.content.sha256 ?? null,
      ...(hardwareRevision !== null && { hardwareRevision }),
      deltaCodecs: [DELTA_CODEC],
    };
  }

  /** At most so long until the next look at what an update waits for; null when it waits for nothing. */
  waitMs(): number | null {
    return this.#options.wait.leftMs();
  }

  /**
   * After every boot, null when nothing could be booted: settles what an earlier run left and says
   * what to do now.
   */
  async afterBoot(booted: BootedSlot | null): Promise<Next> {
    this.#running = booted;
    this.#isBehind = false;
    return this.#orLater(() => this.#resume(booted));
  }

  /**
   * A disk that is full or fails must not keep a confirmed firmware from running: what could not be
   * written is written by a later call of `advance`.
   */
  async #orLater(work: () => Promise<Next>): Promise<Next> {
    try {
      return await work();
    } catch (error) {
      const slot = this.#running?.slot;
      const reason = isDiskFull(error) ? 'space' : isDiskFault(error) ? 'disk' : null;
      if (reason === null || slot === undefined || !this.#isConfirmed(slot)) throw error;
      this.#options.wait.passing(reason);
      this.#options.logger.error(
        { err: error },
        'the disk takes no writes: the update has to wait',
      );
      this.#isBehind = true;
      return 'operate';
    }
  }

  async #resume(booted: BootedSlot | null): Promise<Next> {
    const { slots, ledger, history, logger, wayBack } = this.#options;
    const target = ledger.current?.target ?? null;
    const states = slots.environment().slots;
    const decision = decideResume(observeBoot(slots.environment(), ledger, booted));
    switch (decision.kind) {
      case 'trial':
        return this.#enterTrial();
      case 'arm':
        await this.#arm();
        return 'reboot';
      case 'reboot':
        await this.#countStart();
        return 'reboot';
      case 'go_back':
        await this.#countStart();
        await wayBack.take(ledger.attempt);
        return 'reboot';
      case 'reject':
        logger.error({ slot: booted?.slot }, 'the journal knows of no trial: the slot is given up');
        if (booted !== null) await slots.reject(booted.slot);
        return 'reboot';
      case 'finish': {
        const isLost = target !== null && states[target].kind === 'empty';
        const words = ledger.phase === 'ROLLING_BACK' ? WAY_BACK_LOST : ENVIRONMENT_LOST;
        const isNamed = isLost || ledger.phase === 'ROLLING_BACK';
        if (ledger.phase === 'ROLLING_BACK' && booted !== null) await wayBack.settle(booted.slot);
        await this.#settle(decision.event, isNamed ? words : null);
        return booted === null || this.#isConfirmed(booted.slot) ? 'operate' : 'reboot';
      }
      case 'operate':
        // The power may have gone between confirming the slot and raising the version.
        if (booted !== null && this.#isConfirmed(booted.slot)) {
          await history.raiseConfirmedVersion(booted.content.version);
        }
        await this.#forgetUnreadable();
        await this.#aimAway();
        return 'operate';
    }
  }

  /** What ota-service says: a way back goes first, then an offer that ended, then a new one. */
  async answer(response: PollResponse, signal: AbortSignal): Promise<Next> {
    this.#options.wait.passing(null);
    return this.#orLater(() => this.#heed(response, signal));
  }

  async #heed(response: PollResponse, signal: AbortSignal): Promise<Next> {
    const { ledger, wayBack, wait } = this.#options;
    const { rollback, deployment } = response;
    const isUnderWay = ledger.phase === 'DOWNLOADING';
    if (isUnderWay && !isOffered(response, ledger.attempt)) {
      wait.over();
      await ledger.withdraw();
    }
    if (
      rollback !== null &&
      rollback !== undefined &&
      (await wayBack.begin(rollback, this.#running))
    )
      return 'reboot';
    if (deployment !== null) await this.#consider(deployment, signal);
    return 'operate';
  }

  /** Takes the attempt, if there is one, as far as an armed slot. */
  async advance(signal: AbortSignal): Promise<Next> {
    if (this.#isBehind) {
      const next = await this.afterBoot(this.#running);
      if (next !== 'operate' || this.#isBehind) return next;
    }
    return this.#orLater(() => this.#takeOn(signal));
  }

  async #takeOn(signal: AbortSignal): Promise<Next> {
    const { ledger, download, delivery } = this.#options;
    if (ledger.phase === 'INSTALLING') await ledger.move('accepted');
    while (ledger.phase === 'DOWNLOADING') {
      try {
        const request = () => this.pollRequest();
        if (!(await download.run(this.#running, request, signal))) return 'operate';
        if (!(await this.#install(request, signal))) return 'operate';
        await this.#arm();
        return 'reboot';
      } catch (error) {
        const refusal = asRefusal(error, 'internal_error');
        this.#options.logger.warn({ err: refusal }, 'update refused');
        if (refusal.reason === 'no_space') await delivery.makeRoom();
        if (!(await this.#fallBack(refusal))) await this.#settle('refused', wordsOf(refusal));
      }
    }
    return 'operate';
  }

  /** The trial is over and the new firmware stays. */
  async trialPassed(): Promise<void> {
    const { slots, ledger } = this.#options;
    const { target } = ledger.attempt;
    if (target !== null) await slots.confirm(target);
    await this.#orLater(async () => {
      await this.#settle('passed', null);
      return 'operate';
    });
  }

  /** The device maker's word about the boot on trial. */
  async healthHook(): Promise<ProbeAnswer> {
    const { hooks, ledger } = this.#options;
    const result = await hooks.run('health', factsOf(ledger.attempt));
    return { name: 'health', fault: result.kind === 'ok' ? null : result.why };
  }

  /** This boot of the trial failed; the loader decides whether there is another. */
  async trialBootFailed(failure: FailureWords): Promise<void> {
    await this.#options.ledger.change({ trialFailure: failure });
  }

  /**
   * The loader chose a slot in which nothing can be read. If it holds the update under way, that is
   * the word about its trial; the journal comes first, since the loader then leaves the slot for good.
   */
  async slotUnreadable(slot: SlotName, why: string): Promise<void> {
    const { slots, ledger } = this.#options;
    const isTried = ['VERIFIED', 'ARMED', 'TRIAL'].includes(ledger.phase);
    if (isTried && ledger.attempt.target === slot) {
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

  /** Starts an attempt unless this round is over for this device. */
  async #consider(deployment: Deployment, signal: AbortSignal): Promise<void> {
    const { history, ledger, trust, wait, logger, model, hardwareRevision, format } = this.#options;
    if (ledger.phase !== 'IDLE') return;
    if (history.hasFinished(deployment.campaignId, deployment.round)) return;
    const running = this.#running;
    const context = {
      model,
      hardwareRevision,
      format,
      highestConfirmedVersion: history.highestConfirmedVersion,
      running: running && { ...running.content, isConfirmed: this.#isConfirmed(running.slot) },
    };
    const decision = await judgeOffer(deployment, trust, context, signal);
    if (decision.kind === 'wait') {
      if (decision.why === undefined) return;
      wait.passing('metadata');
      logger.warn({ why: decision.why }, 'the offer has to wait');
      return;
    }
    if (decision.kind === 'refuse') {
      const attempt = this.#newAttempt(deployment, decision.version);
      return ledger.beginEnded('refused', attempt, decision.failure);
    }
    const { version, sha256, sizeBytes } = decision.artifact;
    const attempt = this.#newAttempt(deployment, version);
    if (decision.kind === 'already_running') {
      return ledger.beginEnded('already_running', attempt, null);
    }
    const aimed = { ...attempt, artifact: { sha256, sizeBytes }, target: this.#freeSlot() };
    await ledger.begin('accepted', { ...aimed, usedDelta: this.#usesDelta(aimed) });
  }

  /** A download outlives the slot it began beside: if its target runs now, it goes to the other. */
  async #aimAway(): Promise<void> {
    const { ledger } = this.#options;
    const attempt = ledger.current;
    if (attempt === null || this.#running === null || attempt.target !== this.#running.slot) return;
    await ledger.change({
      target: this.#freeSlot(),
      fromVersion: this.#running.content.version,
      usedDelta: this.#usesDelta(attempt),
      progress: null,
    });
  }

  /** An image whose agent dies again and again would stay on trial for ever: its loader gets the word. */
  async #enterTrial(): Promise<Next> {
    const { slots, reporter, ledger, now } = this.#options;
    await ledger.move('booted_target');
    await reporter.progress(ledger.attempt, 'trial', now());
    if (slots.kind === 'directory') return 'trial';
    await this.#countStart();
    if (ledger.attempt.starts <= MAX_TRIAL_STARTS) return 'trial';
    const detail = `the agent started ${ledger.attempt.starts} times during the trial`;
    await this.trialBootFailed({ reason: 'trial_crashed', detail });
    return 'reboot';
  }

  async #countStart(): Promise<void> {
    const { ledger } = this.#options;
    await ledger.change({ starts: ledger.attempt.starts + 1 });
  }

  /** Another version of this agent wrote down an offer in its own words: it will be made again. */
  async #forgetUnreadable(): Promise<void> {
    const { ledger } = this.#options;
    if (ledger.current === null || ledger.current.deployment !== null) return;
    await ledger.withdraw();
  }

  /** False when the offer ended or the window closed meanwhile: reading a slot back takes its time. */
  async #install(request: () => PollRequest, signal: AbortSignal): Promise<boolean> {
    const { delivery, download, reporter, ledger, now } = this.#options;
    await reporter.progress(ledger.attempt, 'installing', now());
    await delivery.install(this.#running);
    await this.#runHook('post-install');
    if (!(await download.mayStillArm(request, signal))) return false;
    await this.#runHook('pre-reboot');
    await ledger.move('verified');
    return true;
  }

  async #runHook(name: 'post-install' | 'pre-reboot'): Promise<void> {
    const { hooks, ledger } = this.#options;
    const result = await hooks.run(name, factsOf(ledger.attempt));
    if (result.kind !== 'ok') throw new UpdateRefusal('hook_failed', result.why);
  }

  async #arm(): Promise<void> {
    const { slots, ledger } = this.#options;
    const { target } = ledger.attempt;
    if (target !== null) await slots.arm(target);
    await ledger.move('armed');
  }

  /** True when the full image may take the place of a delta that failed. */
  async #fallBack(refusal: UpdateRefusal): Promise<boolean> {
    const { ledger, deltaFallbackMaxBytes, logger } = this.#options;
    const { attempt } = ledger;
    const { deployment, usedDelta, artifact } = attempt;
    if (!usedDelta || deployment === null || artifact === null) return false;
    const decision = decideFallback({
      reason: refusal.reason,
      fullBytes: deployment.full.sizeBytes,
      maxBytes: deployment.deltaFallback?.maxBytes ?? deltaFallbackMaxBytes,
    });
    if (!decision) return false;
    logger.warn({ why: refusal.message }, 'the delta failed: on with the full image');
    const deltaFailure = wordsOf(refusal);
    await ledger.moveWith('fell_back', { deltaFailure, usedDelta: false, progress: null });
    return true;
  }

  /** To the end of the attempt, and tells it to whom it concerns. */
  async #settle(event: UpdateEvent | null, failure: FailureWords | null): Promise<void> {
    const { ledger, hooks, wait } = this.#options;
    wait.over();
    const { attempt } = ledger;
    if (event !== null) await ledger.end(event, failureOf(event, failure, attempt));
    const facts = factsOf(attempt);
    const outcome = await ledger.finish();
    if (outcome === 'confirmed') await hooks.run('post-commit', facts);
    if (outcome === 'rolled_back') await hooks.run('post-rollback', facts);
  }

  #usesDelta(attempt: UpdateAttempt): boolean {
    return this.#options.delivery.sourceOf(attempt, this.#running).kind === 'delta';
  }

  #newAttempt(deployment: Deployment, version: string): UpdateAttempt {
    const fromVersion = this.#running?.content.version ?? null;
    const aim = { deployment, version, target: null, fromVersion };
    return newAttempt(deployment, aim, this.#options.newId);
  }
}
