import type { Logger } from '@flotilla/service';
import { abortableDelay } from '../abortable-delay.ts';
import { retryDelayMs, type BackOff } from './domain/retry-delay.ts';
import { DownloadError } from './download-error.ts';

export interface RetryRules {
  readonly backOff: BackOff;
  /** Tries in a row that brought nothing new before the download is given up. */
  readonly maxFruitlessTries: number;
  /** However well it goes on: no more bytes than this for one transfer, repetitions included. */
  readonly maxReceivedBytes: number;
  readonly random: () => number;
  /** Before the pause that precedes another try, and after it. */
  readonly onPause: (isPausing: boolean) => void;
  readonly logger: Logger;
}

export interface RetriedTransfer {
  /** One try; throws DownloadError when it broke off. */
  readonly run: () => Promise<void>;
  /** Grows with what is safe; a try that leaves it as it was is fruitless. */
  readonly progressBytes: () => Promise<number>;
  readonly receivedBytes: () => number;
  /** True when a mismatch may come from remains of an earlier run, which are gone now. */
  readonly deservesCleanTry: (error: DownloadError) => boolean;
}

/** A server's wish to be left alone is kept, up to this long. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/** Tries until the transfer is complete, or `signal` fires. Throws the last DownloadError. */
export async function retryTransfer(
  transfer: RetriedTransfer,
  rules: RetryRules,
  signal: AbortSignal,
): Promise<'complete' | 'stopped'> {
  let fruitless = 0;
  let before = await transfer.progressBytes();
  while (!signal.aborted) {
    try {
      await transfer.run();
      return 'complete';
    } catch (error) {
      if (signal.aborted) break;
      if (!(error instanceof DownloadError)) throw error;
      const isClean = transfer.deservesCleanTry(error);
      const isPassing = error.kind === 'transient' || error.kind === 'slow' || isClean;
      if (!isPassing) throw error;
      const now = await transfer.progressBytes();
      const isFruitful = isClean || (now > before && error.kind !== 'slow');
      fruitless = isFruitful ? 1 : fruitless + 1;
      before = now;
      if (fruitless > rules.maxFruitlessTries) throw error;
      checkBudget(transfer.receivedBytes(), rules, error);
      await pause(error, fruitless, rules, signal);
    }
  }
  return 'stopped';
}

function checkBudget(receivedBytes: number, rules: RetryRules, cause: DownloadError): void {
  if (receivedBytes <= rules.maxReceivedBytes) return;
  const detail = `${receivedBytes} bytes came without completing it; ${cause.message}`;
  throw new DownloadError('unavailable', detail, { cause });
}

async function pause(
  error: DownloadError,
  fruitless: number,
  { backOff, random, onPause, logger }: RetryRules,
  signal: AbortSignal,
): Promise<void> {
  const wishMs = Math.min(error.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS);
  const waitMs = Math.max(retryDelayMs(fruitless, backOff, random()), wishMs);
  logger.warn({ why: error.message, retryInMs: waitMs }, 'download interrupted');
  onPause(true);
  await abortableDelay(waitMs, signal);
  onPause(false);
}
