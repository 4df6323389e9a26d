/** A point of a gauge, as stored; times in milliseconds since the epoch. */
export interface Point {
  readonly device: string;
  readonly metric: string;
  readonly state: string;
  readonly atMs: number;
  readonly value: number;
  readonly arrivedMs: number;
}

/** A log record, as stored. */
export interface LogLine {
  readonly device: string;
  readonly kind: 'line' | 'error' | 'crash' | 'failed update';
  readonly atMs: number;
  readonly arrivedMs: number;
}

export interface Observed {
  readonly value: number | null;
  readonly ageSeconds: number;
}
export type Signals = Record<string, Observed>;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const minuteOf = (ms: number): number => Math.floor(ms / MINUTE_MS);

/** What is observed of one device, straight from all it ever sent: the plainest code, to hold the SQL against. */
export function referenceObservation(
  points: readonly Point[],
  lines: readonly LogLine[],
  nowMs: number,
  heartbeatMs: number,
): Signals | null {
  const isBelieved = (row: { atMs: number; arrivedMs: number }): boolean =>
    row.atMs < nowMs + 5 * MINUTE_MS && row.atMs >= row.arrivedMs - 8 * DAY_MS;
  const told = points.filter(isBelieved);
  const logged = lines.filter(isBelieved);
  const lastMs = Math.max(-Infinity, ...[...told, ...logged].map((row) => row.atMs));
  if (lastMs < nowMs - 7 * DAY_MS) return null;
  const age = (ms: number): number => Math.max(0, (nowMs - ms) / 1000);
  const silent = age(lastMs);
  return {
    heartbeat_gap_ratio: { value: (silent * 1000) / heartbeatMs, ageSeconds: silent },
    ...logSignals(logged, lastMs, silent),
    ...readings(told, nowMs, age),
  };
}

function logSignals(lines: readonly LogLine[], lastMs: number, silent: number): Signals {
  const within = (line: LogLine, minutes: number): boolean =>
    minuteOf(line.atMs) > minuteOf(lastMs) - minutes;
  const errors = lines.filter(
    ({ kind, ...line }) =>
      (kind === 'error' || kind === 'crash') && within({ kind, ...line }, 24 * 60),
  );
  const recent = errors.filter((line) => within(line, 60)).length;
  const firstMs = Math.min(lastMs, ...lines.map((line) => line.atMs));
  const seconds = Math.floor(lastMs / 1000) - Math.floor(firstMs / 1000);
  const usual = (errors.length - recent) / Math.min(23, Math.max(1, seconds / 3600 - 1));
  const failures = lines.filter(
    (line) => line.kind === 'failed update' && line.atMs > lastMs - 7 * DAY_MS,
  );
  const value = (number: number): Observed => ({ value: number, ageSeconds: silent });
  return {
    crashes_24h: value(errors.filter((line) => line.kind === 'crash').length),
    error_log_z: value((recent - usual) / Math.sqrt(Math.max(1, usual))),
    update_failures_7d: value(failures.length),
  };
}

const READINGS = [
  ['mem_used_pct', 'system.memory.utilization', (value: number) => 100 * value],
  ['disk_used_pct', 'system.filesystem.utilization', (value: number) => 100 * value],
  ['temp_headroom_c', 'hw.temperature', (value: number) => 85 - value],
  ['cpu_p95_pct', 'system.cpu.utilization', (value: number) => 100 * value],
] as const;

function readings(points: readonly Point[], nowMs: number, age: (ms: number) => number): Signals {
  const signals: Signals = {};
  for (const [signal, metric, scale] of READINGS) {
    // Newest first; of several at one time the largest.
    const read = points
      .filter((p) => p.metric === metric && ['', 'used'].includes(p.state))
      .sort((a, b) => b.atMs - a.atMs || b.value - a.value);
    const newest = read[0];
    if (newest === undefined || newest.atMs < nowMs - 8 * DAY_MS) {
      if (signal !== 'temp_headroom_c') signals[signal] = { value: null, ageSeconds: 0 };
      continue;
    }
    const value = signal === 'cpu_p95_pct' ? percentile95(read, newest.atMs) : newest.value;
    signals[signal] = { value: scale(value), ageSeconds: age(newest.atMs) };
  }
  return signals;
}

function percentile95(read: readonly Point[], newestMs: number): number {
  const values = read
    .filter((point) => point.atMs > newestMs - 15 * MINUTE_MS)
    .map((point) => point.value)
    .sort((a, b) => a - b);
  return values[Math.min(values.length - 1, Math.floor(0.95 * values.length))] ?? NaN;
}
