import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

/** What the figures were taken on. Load above the core count means the times are too long. */
export function describeMachine(): Readonly<Record<string, unknown>> {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    loadAverage1Min: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    node: process.version,
    zstd: process.versions['zstd'] ?? 'unknown',
    platform: `${process.platform}-${process.arch}`,
  };
}
