import type { Logger } from '@flotilla/service';
import type { UpdateOutcome } from '@flotilla/contracts';
import { isUnconfirmed } from '../slots/domain/slot-state.ts';
import type { SlotBackend } from '../slots/slot-backend.ts';
import type { ArtifactTransfer } from './artifact-transfer.ts';
import { nextPhase, type UpdateEvent, type UpdatePhase } from './domain/update-machine.ts';
import type { Journal } from './journal.ts';
import { outcomeOf, type FailureWords, type UpdateAttempt } from './update-attempt.ts';
import type { UpdateHistory } from './update-history.ts';
import type { UpdateReporter } from './update-reporter.ts';

export interface LedgerOptions {
  readonly slots: SlotBackend;
  readonly journal: Journal;
  readonly history: UpdateHistory;
  readonly reporter: UpdateReporter;
  readonly transfer: ArtifactTransfer;
  readonly now: () => number;
  readonly logger: Logger;
}

/** The attempt under way and its phase, each change durable before what it stands for is done. */
export class AttemptLedger {
  readonly #options: LedgerOptions;
  /** Bytes of the attempt that crossed the network, ahead of what the journal says. */
  #received = 0;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  get phase(): UpdatePhase {
    return this.#options.journal.entry.phase;
  }

  /** Null when nothing is under way. */
  get current(): UpdateAttempt | null {
    return this.#options.journal.entry.attempt;
  }

  get attempt(): UpdateAttempt {
    const attempt = this.current;
    if (attempt === null) throw new Error(`the journal says ${this.phase} without an attempt`);
    return attempt;
  }

  /** An attempt that is worth its way. */
  async begin(event: 'accepted' | 'ordered_back', attempt: UpdateAttempt): Promise<void> {
    this.#received = 0;
    await this.#save(event, attempt);
  }

  /** An attempt that is over as it begins. */
  async beginEnded(
    event: 'refused' | 'already_running',
    attempt: UpdateAttempt,
    failure: FailureWords | null,
  ): Promise<void> {
    const { journal, now } = this.#options;
    const phase = nextPhase(this.phase, event);
    const outcome = outcomeOf(failure === null ? 'confirmed' : 'failed', failure, now());
    await journal.save({ phase, attempt, outcome });
    await this.finish();
  }

  async move(event: UpdateEvent): Promise<void> {
    await this.#save(event, this.attempt);
  }

  /** Without a change of phase. */
  async change(change: Partial<UpdateAttempt>): Promise<void> {
    const { journal } = this.#options;
    await journal.save({ ...journal.entry, attempt: { ...this.attempt, ...change } });
  }

  /** With what was received so far. */
  async moveWith(event: UpdateEvent, change: Partial<UpdateAttempt>): Promise<void> {
    await this.#save(event, { ...this.attempt, ...change });
  }

  /** Counts from what the journal knows, or from `atLeast` when the disk shows more. */
  countFrom(atLeast: number): void {
    this.#received = Math.max(this.#received, this.attempt.transferBytes, atLeast);
  }

  received(count: number): void {
    this.#received += count;
  }

  get receivedBytes(): number {
    return Math.max(this.#received, this.attempt.transferBytes);
  }

  /** Into one of the three last phases, with the outcome that will be reported. */
  async end(event: UpdateEvent, failure: FailureWords | null): Promise<void> {
    const { journal, now } = this.#options;
    const phase = nextPhase(this.phase, event);
    const outcome = outcomeOf(OUTCOMES[phase] ?? 'failed', failure, now());
    const attempt = { ...this.attempt, transferBytes: this.receivedBytes };
    await journal.save({ phase, attempt, outcome });
  }

  /** Repeatable up to its last line: each step is idempotent, and a restart begins it again. */
  async finish(): Promise<UpdateOutcome> {
    const { journal, history, reporter, transfer } = this.#options;
    const { phase, outcome } = journal.entry;
    const { attempt } = this;
    if (outcome === null) throw new Error(`the journal says ${phase} without an outcome`);
    if (phase === 'CONFIRMED') await history.raiseConfirmedVersion(attempt.version);
    else await this.#rejectTarget();
    const { campaignId, round } = attempt.campaign;
    await history.recordFinished({ campaignId, round, outcome: outcome.state });
    await reporter.outcome(attempt, outcome);
    await transfer.discardOthers(null);
    nextPhase(phase, 'reported');
    this.#received = 0;
    await journal.clear();
    return outcome.state;
  }

  /** Quietly: the server knows that it took the offer back. */
  async withdraw(): Promise<void> {
    const { journal, transfer, logger } = this.#options;
    logger.info({ version: this.attempt.version }, 'the offer was withdrawn');
    await transfer.discardOthers(null);
    await this.#rejectTarget();
    nextPhase(this.phase, 'withdrawn');
    this.#received = 0;
    await journal.clear();
  }

  async #rejectTarget(): Promise<void> {
    const { slots } = this.#options;
    const { target } = this.attempt;
    if (target === null || !isUnconfirmed(slots.environment().slots[target])) return;
    await slots.reject(target);
  }

  async #save(event: UpdateEvent, attempt: UpdateAttempt): Promise<void> {
    const phase = nextPhase(this.phase, event);
    const transferBytes = Math.max(this.#received, attempt.transferBytes);
    const { journal } = this.#options;
    await journal.save({ phase, attempt: { ...attempt, transferBytes }, outcome: null });
  }
}

const OUTCOMES: Readonly<Partial<Record<UpdatePhase, UpdateOutcome>>> = {
  CONFIRMED: 'confirmed',
  ROLLED_BACK: 'rolled_back',
  FAILED: 'failed',
};
