import type { UpdateReport } from '@flotilla/contracts';
import type { Logger } from '@flotilla/service';
import type { ReportOutbox } from '../ota/report-outbox.ts';
import type { DeviceTelemetry } from '../telemetry/device-telemetry.ts';
import type { AttemptOutcome, UpdateAttempt } from './update-attempt.ts';

const MAX_DETAIL_LENGTH = 1000;

/** Tells both ways how an update goes: telemetry first, then the outbox to ota-service. */
export class UpdateReporter {
  readonly #telemetry: DeviceTelemetry;
  readonly #outbox: ReportOutbox;
  readonly #logger: Logger;

  constructor(telemetry: DeviceTelemetry, outbox: ReportOutbox, logger: Logger) {
    this.#telemetry = telemetry;
    this.#outbox = outbox;
    this.#logger = logger;
  }

  async progress(
    attempt: UpdateAttempt,
    state: 'downloading' | 'installing' | 'trial',
    nowMs: number,
  ): Promise<void> {
    const occurredAt = new Date(nowMs).toISOString();
    await this.#send({ ...common(attempt), reportId: attempt.reportIds[state], state, occurredAt });
  }

  /** Waiting is part of downloading: the reason travels as its detail, in a report of its own. */
  async waiting(
    attempt: UpdateAttempt,
    reportId: string,
    wait: { readonly why: string; readonly untilMs: number | null },
    nowMs: number,
  ): Promise<void> {
    const until = wait.untilMs === null ? '' : ` until ${new Date(wait.untilMs).toISOString()}`;
    const detail = readable(`waits${until}: ${wait.why}`);
    const occurredAt = new Date(nowMs).toISOString();
    await this.#send({ ...common(attempt), reportId, state: 'downloading', detail, occurredAt });
  }

  async outcome(attempt: UpdateAttempt, outcome: AttemptOutcome): Promise<void> {
    await this.#send({
      ...common(attempt),
      reportId: attempt.reportIds.final,
      state: outcome.state,
      ...(outcome.reason !== null && { reason: outcome.reason }),
      ...(outcome.detail !== null && { detail: readable(outcome.detail) }),
      occurredAt: outcome.occurredAt,
    });
  }

  async #send(report: UpdateReport): Promise<void> {
    const { state, reason, detail, toVersion } = report;
    this.#logger.info({ state, reason, detail, toVersion }, 'update');
    try {
      await this.#telemetry.recordUpdate(report);
    } catch (error) {
      // The direct report still tells ota-service, which publishes it to the same log.
      this.#logger.error({ err: error }, 'update report not recorded in telemetry');
    }
    await this.#outbox.add(report);
  }
}

/** As much of what a hook or a server said as any database takes: no NUL, no half of a character. */
function readable(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/\p{Cc}+/gu, ' ')
    .slice(0, MAX_DETAIL_LENGTH)
    .replace(/[\uD800-\uDBFF]$/, '');
}

function common(attempt: UpdateAttempt) {
  const { campaignId, phase, round } = attempt.campaign;
  return {
    campaignId,
    phase,
    round,
    fromVersion: attempt.fromVersion,
    toVersion: attempt.version,
    transferBytes: attempt.transferBytes,
    usedDelta: attempt.usedDelta,
  };
}
