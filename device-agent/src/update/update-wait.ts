import type { DeviceTelemetry } from '../telemetry/device-telemetry.ts';
import type { UpdateAttempt } from './update-attempt.ts';
import type { UpdateReporter } from './update-reporter.ts';

export interface Wait {
  readonly why: string;
  readonly untilMs: number | null;
}

export interface UpdateWaitOptions {
  readonly reporter: UpdateReporter;
  readonly telemetry: Pick<DeviceTelemetry, 'log'>;
  readonly newId: () => string;
  readonly now: () => number;
}

/** Looks again at least so often: a clock may jump, and a battery says nothing beforehand. */
const LOOK_EVERY_MS = 60_000;

/** Makes a waiting update visible: one report for each reason, not one for each look. */
export class UpdateWait {
  readonly #options: UpdateWaitOptions;
  #current: Wait | null = null;

  constructor(options: UpdateWaitOptions) {
    this.#options = options;
  }

  async begin(attempt: UpdateAttempt, wait: Wait): Promise<void> {
    const isKnown = this.#current?.why === wait.why;
    this.#current = wait;
    if (isKnown) return;
    const { reporter, telemetry, newId, now } = this.#options;
    telemetry.log('info', `the update waits: ${wait.why}`, {
      'flotilla.campaign.id': attempt.campaign.campaignId,
      'flotilla.update.wait.reason': wait.why,
    });
    await reporter.waiting(attempt, newId(), wait, now());
  }

  over(): void {
    this.#current = null;
  }

  /** Null when nothing waits. */
  leftMs(): number | null {
    if (this.#current === null) return null;
    const { untilMs } = this.#current;
    if (untilMs === null) return LOOK_EVERY_MS;
    return Math.min(LOOK_EVERY_MS, Math.max(0, untilMs - this.#options.now()));
  }
}
