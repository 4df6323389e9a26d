import { join } from 'node:path';
import { isFinal, updateReportSchema, type UpdateReport } from '@flotilla/contracts';
import type { Logger } from '@flotilla/service';
import { z } from 'zod';
import { abortableDelay } from '../abortable-delay.ts';
import { isDiskFull, readOrSetAside, writeFileDurably } from '../disk/durable-file.ts';
import type { DurableStep } from '../disk/durable-step.ts';
import { retryDelayMs, type BackOff } from '../update/domain/retry-delay.ts';
import type { OtaClient } from './ota-client.ts';

/** A report in the words of another version of this agent costs no other one. */
const outboxSchema = z.object({
  reports: z.array(z.unknown()).transform((reports) =>
    reports.flatMap((report) => {
      const read = updateReportSchema.safeParse(report);
      return read.success ? [read.data] : [];
    }),
  ),
});
/** Beyond it, the oldest report of a state that is not final gives way. */
const MAX_REPORTS = 500;

export interface ReportOutboxOptions {
  readonly deviceDir: string;
  readonly client: OtaClient;
  readonly backOff: BackOff;
  readonly random: () => number;
  readonly step: DurableStep;
  readonly logger: Logger;
}

/** Reports on disk, sent in order until ota-service has acknowledged each of them. */
export class ReportOutbox {
  readonly #path: string;
  readonly #options: ReportOutboxOptions;
  #reports: readonly UpdateReport[];
  #added = Promise.withResolvers<void>();
  /** Changes of the file happen one after another. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, options: ReportOutboxOptions, reports: UpdateReport[]) {
    this.#path = path;
    this.#options = options;
    this.#reports = reports;
  }

  static async open(options: ReportOutboxOptions): Promise<ReportOutbox> {
    const path = join(options.deviceDir, 'outbox.json');
    const saved = await readOrSetAside(path, outboxSchema, options.logger);
    return new ReportOutbox(path, options, saved?.reports ?? []);
  }

  get pending(): readonly UpdateReport[] {
    return this.#reports;
  }

  /** Durable when it resolves. A report whose id waits already is not added twice. */
  async add(report: UpdateReport): Promise<void> {
    await this.#change('add', (reports) => {
      if (reports.some((r) => r.reportId === report.reportId)) return reports;
      return bounded([...reports, report]);
    });
    this.#added.resolve();
  }

  /** Runs until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      const [next] = this.#reports;
      if (next === undefined) {
        await this.#waitForReport(signal);
        continue;
      }
      const waitMs = await this.#send(next, failures + 1, signal);
      failures = waitMs === null ? 0 : failures + 1;
      if (waitMs !== null) await abortableDelay(waitMs, signal);
    }
  }

  /** Null when the report is settled, else the time to wait. */
  async #send(report: UpdateReport, attempt: number, signal: AbortSignal): Promise<number | null> {
    const { client, logger, backOff, random } = this.#options;
    const answer = await client.report(report, signal);
    if (answer.kind === 'retry') {
      if (signal.aborted) return 0;
      const own = retryDelayMs(attempt, backOff, random());
      logger.warn({ why: answer.why, reportId: report.reportId }, 'report not sent');
      return Math.max(own, answer.afterMs ?? 0);
    }
    if (answer.kind === 'refused') {
      logger.error({ why: answer.why, report }, 'ota-service refused this report: dropped');
    }
    await this.#drop(report);
    return null;
  }

  /** A full disk keeps what was sent: the next start sends it again, which changes nothing. */
  async #drop({ reportId }: UpdateReport): Promise<void> {
    const without = (reports: readonly UpdateReport[]) =>
      reports.filter((report) => report.reportId !== reportId);
    try {
      await this.#change('ack', without);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      this.#options.logger.error({ err: error, reportId }, 'a sent report stays on the disk');
      this.#reports = without(this.#reports);
    }
  }

  async #waitForReport(signal: AbortSignal): Promise<void> {
    this.#added = Promise.withResolvers<void>();
    const added = this.#added;
    const wake = () => added.resolve();
    signal.addEventListener('abort', wake, { once: true });
    if (this.#reports.length === 0 && !signal.aborted) await added.promise;
    signal.removeEventListener('abort', wake);
  }

  async #change(
    name: string,
    change: (reports: readonly UpdateReport[]) => readonly UpdateReport[],
  ): Promise<void> {
    const turn = this.#writing.then(async () => {
      const reports = change(this.#reports);
      if (reports === this.#reports) return;
      await this.#options.step(`outbox:${name}`, () =>
        writeFileDurably(this.#path, JSON.stringify({ reports })),
      );
      this.#reports = reports;
    });
    this.#writing = turn.catch(() => undefined);
    await turn;
  }
}

function bounded(reports: readonly UpdateReport[]): readonly UpdateReport[] {
  if (reports.length <= MAX_REPORTS) return reports;
  const oldest = reports.findIndex((report) => !isFinal(report.state));
  return reports.filter((_report, index) => index !== Math.max(0, oldest));
}
