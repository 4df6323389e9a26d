import type { DiskQueue, QueueMark } from '@flotilla/otlp-queue';
import type { Logger } from '@flotilla/service';
import { canaryWindowSchema, type CanaryWindow } from '../domain/canary-window.ts';

const NAME = 'canary-window';

/** To be written with the update report that changed it. */
export function canaryMark(window: CanaryWindow | null): QueueMark {
  return { name: NAME, value: window === null ? null : JSON.stringify(window) };
}

/** As of the last run; an unreadable one counts as none, which is logged. */
export function readCanaryWindow(
  queue: Pick<DiskQueue, 'mark'>,
  logger: Logger,
): CanaryWindow | null {
  const text = queue.mark(NAME);
  if (text === null) return null;
  try {
    return canaryWindowSchema.parse(JSON.parse(text));
  } catch (err) {
    logger.error({ err }, 'the canary window is unreadable: logs are sampled as usual');
    return null;
  }
}
