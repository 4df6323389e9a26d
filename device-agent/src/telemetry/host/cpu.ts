import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';

/** Time all processors spent since boot, in ticks of 10 ms. */
export interface CpuTimes {
  readonly busyTicks: number;
  readonly totalTicks: number;
}

/** Below this the ticks are too coarse to tell a utilization. */
const MIN_TICKS = 20;

/**
 * The `cpu` line of /proc/stat (proc_stat(5)); null when there is none. Guest time is part of user
 * and nice already; waiting for I/O is idle time.
 */
export function parseProcStat(text: string): CpuTimes | null {
  const fields = /^cpu +([\d ]+)$/m.exec(text)?.[1]?.trim().split(/ +/).map(Number) ?? [];
  const [user, nice, system, idle, iowait = 0, irq = 0, softirq = 0, steal = 0] = fields;
  if (user === undefined || nice === undefined || system === undefined || idle === undefined) {
    return null;
  }
  const busyTicks = user + nice + system + irq + softirq + steal;
  return { busyTicks, totalTicks: busyTicks + idle + iowait };
}

/** Busy share 0..1 between two readings; null when too little time lies between them. */
export function utilizationBetween(before: CpuTimes, after: CpuTimes): number | null {
  const total = after.totalTicks - before.totalTicks;
  if (total < MIN_TICKS) return null;
  return Math.min(1, Math.max(0, (after.busyTicks - before.busyTicks) / total));
}

/** Utilization since the previous reading that was long enough ago. */
export class CpuSource {
  readonly #readTimes: () => Promise<CpuTimes>;
  #before: CpuTimes | undefined;
  #last: number | null = null;

  constructor(readTimes: () => Promise<CpuTimes> = readCpuTimes) {
    this.#readTimes = readTimes;
  }

  /** 0..1; null until two readings far enough apart exist. */
  async read(): Promise<number | null> {
    const now = await this.#readTimes();
    if (this.#before === undefined) {
      this.#before = now;
      return null;
    }
    // Counters that fell (a resumed machine, a hot-plugged processor) start a new measurement.
    if (now.totalTicks < this.#before.totalTicks) {
      this.#before = now;
      return this.#last;
    }
    const utilization = utilizationBetween(this.#before, now);
    if (utilization === null) return this.#last;
    this.#before = now;
    this.#last = utilization;
    return utilization;
  }
}

async function readCpuTimes(): Promise<CpuTimes> {
  if (process.platform === 'linux') {
    const times = parseProcStat(await readFile('/proc/stat', 'utf8'));
    if (times !== null) return times;
  }
  let busyMs = 0;
  let idleMs = 0;
  for (const { times } of cpus()) {
    busyMs += times.user + times.nice + times.sys + times.irq;
    idleMs += times.idle;
  }
  return { busyTicks: busyMs / 10, totalTicks: (busyMs + idleMs) / 10 };
}
