import { isDeepStrictEqual } from 'node:util';
import type { Deployment, PollRequest, PollResponse } from '@flotilla/contracts';
import type { Poller } from '../ota/poller.ts';
import type { BootedSlot } from '../slots/slot-backend.ts';
import type { ArtifactDelivery } from './artifact-delivery.ts';
import type { AttemptLedger } from './attempt-ledger.ts';
import { isSameOffer } from './offer.ts';
import { whileOffered, type Watched } from './offer-watch.ts';
import type { Preconditions, UpdateStage } from './preconditions.ts';
import { factsOf, type UpdateAttempt } from './update-attempt.ts';
import type { UpdateReporter } from './update-reporter.ts';
import type { UpdateWait } from './update-wait.ts';

export interface DownloadStageOptions {
  readonly ledger: AttemptLedger;
  readonly delivery: ArtifactDelivery;
  readonly preconditions: Preconditions;
  readonly reporter: UpdateReporter;
  readonly wait: UpdateWait;
  readonly poller: Pick<Poller, 'poll' | 'pollUntilAnswered' | 'delayMs'>;
  readonly now: () => number;
}

/** From an accepted offer to everything on the device, while it is offered and may be had. */
export class DownloadStage {
  readonly #options: DownloadStageOptions;
  #fetched: string | null = null;

  constructor(options: DownloadStageOptions) {
    this.#options = options;
  }

  /**
   * True when everything is there, the offer still stands and it may be installed now. Otherwise the
   * attempt is gone, or waits for another call. Throws UpdateRefusal.
   */
  async run(
    running: BootedSlot | null,
    request: () => PollRequest,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { ledger } = this.#options;
    if (!(await this.#fetch(running, request, signal))) return false;
    if (!(await this.#isStillOffered(request, signal))) return false;
    if (!(await this.#mayBegin('install'))) return false;
    await ledger.move('downloaded');
    return true;
  }

  /** The last look before what a pause could not call back. */
  async mayStillArm(request: () => PollRequest, signal: AbortSignal): Promise<boolean> {
    if (!(await this.#isStillOffered(request, signal))) return false;
    return (await this.#options.preconditions.check('install')).kind === 'go';
  }

  /** False when the attempt is withdrawn now, or the agent is being stopped. */
  async #isStillOffered(request: () => PollRequest, signal: AbortSignal): Promise<boolean> {
    const { ledger, poller } = this.#options;
    const answer = await poller.pollUntilAnswered(request(), signal);
    if (answer === null) return false;
    if (isOffered(answer, ledger.attempt)) return true;
    await ledger.withdraw();
    return false;
  }

  /** Once in a life of the agent: a long wait for the install window must not check it all again. */
  async #fetch(
    running: BootedSlot | null,
    request: () => PollRequest,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { delivery, reporter, now, ledger, poller, preconditions } = this.#options;
    const { attempt } = ledger;
    if (this.#fetched === fetchKey(attempt)) return true;
    if (!(await this.#mayBegin('download'))) return false;
    await reporter.progress(attempt, 'downloading', now());
    const watch = {
      delayMs: () => poller.delayMs,
      poll: (watched: AbortSignal) => poller.poll(request(), watched),
      isOffered: (response: PollResponse) => isOffered(response, attempt),
      check: () => preconditions.check('download'),
    };
    const fetched = await whileOffered(watch, signal, (watched) =>
      delivery.fetch(running, watched),
    );
    if (!(await this.#isComplete(fetched, signal))) return false;
    this.#fetched = fetchKey(attempt);
    return true;
  }

  async #mayBegin(stage: UpdateStage): Promise<boolean> {
    const { preconditions, ledger, wait } = this.#options;
    const decision = await preconditions.mayBegin(stage, factsOf(ledger.attempt));
    if (decision.kind === 'wait') await wait.begin(ledger.attempt, decision);
    else wait.over();
    return decision.kind === 'go';
  }

  async #isComplete(
    fetched: Watched<'complete' | 'stopped'>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { ledger, wait } = this.#options;
    if (fetched.kind === 'closed') await wait.begin(ledger.attempt, fetched.wait);
    if (fetched.kind === 'withdrawn' && !signal.aborted) await ledger.withdraw();
    return fetched.kind === 'done' && fetched.value === 'complete';
  }
}

/** Of what was fetched: the attempt, where it went, and whether by delta. */
function fetchKey({ reportIds, target, usedDelta }: UpdateAttempt): string {
  return `${reportIds.final} ${target ?? ''} ${String(usedDelta)}`;
}

/** Whether the answer still offers what the attempt is about, and in the form in which it is fetched. */
export function isOffered(response: PollResponse, attempt: UpdateAttempt): boolean {
  const { deployment: known, usedDelta } = attempt;
  const { deployment: offered } = response;
  if (offered === null || known === null || !isSameOffer(offered, known)) return false;
  const transferOf = ({ delta, full }: Deployment) =>
    usedDelta ? [delta?.path, delta?.sha256] : [full.path, full.sha256, full.encoding];
  return isDeepStrictEqual(transferOf(offered), transferOf(known));
}
