import { ATTR_UPDATE_WAIT_REASON, type UpdateWaitReason } from '@flotilla/contracts';
import type { DeviceTelemetry } from '../telemetry/device-telemetry.ts';
import type { UpdateAttempt } from './update-attempt.ts';
import type { UpdateReporter } from './update-reporter.ts';

export interface Wait {
  readonly reason: UpdateWaitReason;
  /** For a person. */
  readonly why: string;
  readonly untilMs: number | null;
}

export interface UpdateWaitOptions {
  readonly reporter: Pick<UpdateReporter, 'waiting'>;
  readonly telemetry: Pick<DeviceTelemetry, 'log' | 'setUpdateWait'>;
  readonly newId: () => string;
  readonly now: () => number;
}

/** Looks again at least so often: a clock may jump, and a battery says nothing beforehand. */
const LOOK_EVERY_MS = 60_000;

/**
 * What an update waits for. Makes it visible: one report for each reason, not one for each look, and
 * what the gauge says.
 */
export class UpdateWait {
  readonly #options: UpdateWaitOptions;
  #current: Wait | null = null;
  #passing: UpdateWaitReason | null = null;

  constructor(options: UpdateWaitOptions) {
    this.#options = options;
  }

  /** Null when nothing waits. */
  get reason(): UpdateWaitReason | null {
    return this.#current?.reason ?? this.#passing;
  }

  /** Of what passes by itself and is not reported; null when it is over. */
  passing(reason: UpdateWaitReason | null): void {
    this.#passing = reason;
    this.#tell();
  }

  async begin(attempt: UpdateAttempt, wait: Wait): Promise<void> {
    const isKnown = this.#current?.why === wait.why;
    this.#current = wait;
    this.#tell();
    if (isKnown) return;
    const { reporter, telemetry, newId, now } = this.#options;
    telemetry.log('info', `the update waits: ${wait.why}`, {
      'flotilla.campaign.id': attempt.campaign.campaignId,
      [ATTR_UPDATE_WAIT_REASON]: wait.reason,
    });
    await reporter.waiting(attempt, newId(), wait, now());
  }

  over(): void {
    this.#current = null;
    this.#tell();
  }

  /** Null when nothing waits. */
  leftMs(): number | null {
    if (this.#current === null) return null;
    const { untilMs } = this.#current;
    if (untilMs === null) return LOOK_EVERY_MS;
    return Math.min(LOOK_EVERY_MS, Math.max(0, untilMs - this.#options.now()));
  }

  #tell(): void {
    this.#options.telemetry.setUpdateWait(this.reason);
  }
}
