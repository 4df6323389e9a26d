import type { PollRequest } from '@flotilla/contracts';
import { FingerprintTable } from '@flotilla/signing';

/** A million devices at half full. */
const DEFAULT_CAPACITY = 2 ** 21;

/**
 * How long an answer stands. Longer than a few polls, so that most need nothing else; it bounds how late
 * something shows that happened outside of campaigns: another group, a retirement, a version that was
 * put on by hand and taken off again.
 */
export const IDLE_FOR_MS = 300_000;

/**
 * Which devices had nothing to do when they last polled and said the same of themselves as now; 16 bytes
 * a device. When it is full it forgets some, which costs them a look
 * into the registry.
 */
export class IdleDevices {
  readonly #known: FingerprintTable;

  constructor(capacity = DEFAULT_CAPACITY) {
    this.#known = new FingerprintTable({ capacity, keyWords: 2, valueWords: 2 });
  }

  /** True while nothing can have changed since `note`: the campaigns of its model are at this epoch. */
  isIdle(deviceId: string, poll: PollRequest, epoch: number, nowMs: number): boolean {
    const known = this.#known.find(keyOf(deviceId, poll));
    if (known === null) return false;
    const [atEpoch = 0, untilSeconds = 0] = known;
    return atEpoch === epoch && nowMs / 1000 < untilSeconds;
  }

  /** With `untilMs` it has nothing to do only until then. */
  note(
    deviceId: string,
    poll: PollRequest,
    { epoch, nowMs, untilMs }: { epoch: number; nowMs: number; untilMs: number | null },
  ): void {
    const standsUntilMs = Math.min(nowMs + IDLE_FOR_MS, untilMs ?? Infinity);
    this.#known.set(keyOf(deviceId, poll), [epoch, Math.floor(standsUntilMs / 1000)]);
  }
}

/** None of them holds a space. */
function keyOf(deviceId: string, poll: PollRequest): string {
  const { runningVersion, runningSha256, hardwareRevision } = poll;
  return `${deviceId} ${runningVersion ?? ''} ${runningSha256 ?? ''} ${hardwareRevision ?? ''}`;
}
