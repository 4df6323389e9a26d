import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { ATTR_JOURNAL_IDENTIFIER, ATTR_JOURNAL_UNIT } from '@flotilla/contracts';
import type { Logger } from '@flotilla/service';
import {
  ATTR_LOG_RECORD_UID,
  ATTR_PROCESS_PID,
} from '@opentelemetry/semantic-conventions/incubating';
import { isFileError } from '../../disk/durable-file.ts';
import { LineSplitter } from '../../firmware/domain/line-splitter.ts';
import { retryDelayMs, type BackOff } from '../../update/domain/retry-delay.ts';
import { parseJournalEntry, type JournalEntry } from '../domain/parse-journal-entry.ts';
import type { LogSink, SourceRecord } from './log-sink.ts';
import type { JournalSource } from './log-sources.ts';
import type { PositionStore } from './position-store.ts';
import { recordOf } from './source-record.ts';

const MAX_LINE_BYTES = 256 * 1024;
const MAX_BATCH = 256;
const BATCH_MS = 250;
const RETRY_MS = 1000;
const DEFAULT_BACK_OFF = { baseMs: 500, maxMs: 60_000 };
/** Ended so often without an entry, the child is taken not to know the cursor any more. */
const FAILURES_BEFORE_CURSOR_IS_DROPPED = 5;

type Child = ChildProcessByStdio<null, Readable, null>;

export interface JournalReaderOptions {
  readonly source: JournalSource;
  readonly positions: PositionStore;
  readonly sink: LogSink;
  readonly logger: Logger;
  readonly now: () => number;
  readonly random: () => number;
  /** Entries were passed over: the journal forgot the cursor, or one could not be read. */
  readonly onGap: (count: number) => void;
  readonly backOff?: BackOff;
}

/**
 * Follows the systemd journal through a journalctl of its own, which is started again with back-off
 * when it ends. The cursor enters the disk queue with the entries before it, so a kill repeats none.
 * While the queue has no room the child's output is not read, and the journal keeps the entries.
 */
export class JournalReader {
  readonly #options: JournalReaderOptions;
  #child: Child | null = null;
  #pending: JournalEntry[] = [];
  #timer: NodeJS.Timeout | undefined;
  #restart: NodeJS.Timeout | undefined;
  #failures = 0;
  #stopped = false;
  #absent = false;

  constructor(options: JournalReaderOptions) {
    this.#options = options;
  }

  /** Entries read but not yet in the disk queue. */
  get waiting(): number {
    return this.#pending.length;
  }

  get state(): 'following' | 'restarting' | 'absent' {
    if (this.#absent) return 'absent';
    return this.#child === null ? 'restarting' : 'following';
  }

  start(): void {
    const { source, positions } = this.#options;
    const cursor = positions.journalCursor;
    const from = cursor === null ? ['--lines=0'] : [`--after-cursor=${cursor}`];
    const units = source.units.map((unit) => `--unit=${unit}`);
    // --all: without it a message over 4096 bytes is null (journalctl(1), json).
    const args = ['--follow', '--all', '--output=json', '--no-pager', ...from, ...units];
    const child = spawn(source.command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child = child;
    const splitter = new LineSplitter(MAX_LINE_BYTES, ({ text }) => {
      if (this.#child === child) this.#take(text);
    });
    child.stdout.on('data', (chunk: Buffer) => splitter.push(chunk));
    child.once('error', (err) => this.#ended(err));
    child.once('close', () => this.#ended(null));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#restart);
    this.#flush();
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await closed;
  }

  #take(line: string): void {
    if (this.#stopped || line === '') return;
    const entry = parseJournalEntry(line);
    if (entry === null) {
      this.#options.logger.warn({ chars: line.length }, 'a journal entry is unreadable');
      this.#options.onGap(1);
      return;
    }
    this.#failures = 0;
    this.#pending.push(entry);
    if (this.#pending.length >= MAX_BATCH) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), BATCH_MS);
  }

  /** Until the disk queue takes them, entries wait here and the child waits at its full pipe. */
  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { sink, positions, now, logger } = this.#options;
    const cursor = this.#pending.at(-1)?.cursor;
    if (cursor === undefined) return;
    try {
      if (sink.hasRoom()) {
        const records = this.#pending.map((entry) => journalRecord(entry, now()));
        sink.write(records, positions.journalMark(cursor));
        this.#pending = [];
        this.#child?.stdout.resume();
        return;
      }
    } catch (err) {
      logger.warn({ err }, 'journal entries cannot be queued');
    }
    this.#child?.stdout.pause();
    if (!this.#stopped) this.#timer = setTimeout(() => this.#flush(), RETRY_MS);
  }

  #ended(error: Error | null): void {
    if (this.#child === null || this.#stopped) return;
    this.#child = null;
    // Otherwise a child that ends after a few entries each time would never get any further.
    this.#flush();
    const { source, logger, random, positions, backOff = DEFAULT_BACK_OFF } = this.#options;
    if (error !== null && isFileError(error, 'ENOENT')) {
      logger.info({ command: source.command }, 'no systemd journal here: it is not forwarded');
      this.#absent = true;
      return;
    }
    this.#failures += 1;
    if (this.#failures >= FAILURES_BEFORE_CURSOR_IS_DROPPED && positions.journalCursor !== null) {
      logger.warn('the journal does not know its cursor any more: forwarding begins at its end');
      positions.forgetJournalCursor();
      this.#options.onGap(1);
    }
    const delayMs = retryDelayMs(this.#failures, backOff, random());
    logger.warn({ err: error, restartInMs: delayMs }, 'the journal reader ended');
    this.#restart = setTimeout(() => this.#startAgain(), delayMs);
  }

  /** Entries still waiting, for want of room, are read again: the saved cursor is before them. */
  #startAgain(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pending = [];
    this.start();
  }
}

function journalRecord(entry: JournalEntry, nowMs: number): SourceRecord {
  const { body, severityNumber, timestampMs, unit, identifier, pid, cursor } = entry;
  const uid = createHash('sha256').update(cursor).digest('base64url').slice(0, 22);
  const parsed = { body, severityNumber, severityText: '', timestampMs };
  return {
    rateKey: `journal ${unit ?? identifier ?? ''}`,
    sampleKey: null,
    record: recordOf(
      { ...parsed, traceId: null, spanId: null, attributes: {} },
      {
        [ATTR_LOG_RECORD_UID]: uid,
        ...(unit !== null && { [ATTR_JOURNAL_UNIT]: unit }),
        ...(identifier !== null && { [ATTR_JOURNAL_IDENTIFIER]: identifier }),
        ...(pid !== null && { [ATTR_PROCESS_PID]: pid }),
      },
      nowMs,
    ),
  };
}
