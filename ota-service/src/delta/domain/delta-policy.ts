/** Of the released versions that may be a base, this many of the newest get a delta unasked. */
const NEWEST_BASES = 3;

/** A delta saves transfer but costs the device a rebuild; below a fifth saved it is not offered. */
const WORTHWHILE_SHARE = 0.8;

/** A released artifact of the model. */
export interface ReleasedArtifact {
  readonly sha256: string;
  readonly releasedAtMs: number;
}

/**
 * The bases a new release needs deltas from: the newest other releases, and whatever devices run now.
 * `running` may name artifacts this registry never released; nothing can be computed from those.
 */
export function basesFor(
  targetSha256: string,
  released: readonly ReleasedArtifact[],
  running: readonly string[],
): string[] {
  const others = released.filter((artifact) => artifact.sha256 !== targetSha256);
  const newest = others
    .toSorted((a, b) => b.releasedAtMs - a.releasedAtMs)
    .slice(0, NEWEST_BASES)
    .map((artifact) => artifact.sha256);
  const known = new Set(others.map((artifact) => artifact.sha256));
  return [...new Set([...running.filter((sha256) => known.has(sha256)), ...newest])];
}

export function isWorthwhile(deltaBytes: number, fullTransferBytes: number): boolean {
  return deltaBytes <= largestWorthwhile(fullTransferBytes);
}

export function largestWorthwhile(fullTransferBytes: number): number {
  return Math.floor(fullTransferBytes * WORTHWHILE_SHARE);
}

/** Pauses after the first, second … failure of a job; after as many it is given up. */
const RETRY_AFTER_MS = [30_000, 5 * 60_000, 30 * 60_000];

/** How long a job that failed `failures` times waits for its next attempt; null: it is given up. */
export function retryDelayMs(failures: number): number | null {
  return RETRY_AFTER_MS[failures - 1] ?? null;
}

const MIB = 1024 * 1024;
/** What a job may take whatever its size, and for each MiB of target beyond. */
const BASE_TIMEOUT_MS = 15 * 60_000;
const TIMEOUT_MS_PER_MIB = 20_000;

/**
 * After which a job is given up: its devices take the whole artifact long before. Making a delta
 * takes one to five seconds of CPU per MiB where all of it changed; the rest is for a busy machine.
 */
export function jobTimeoutMs(targetSizeBytes: number): number {
  return BASE_TIMEOUT_MS + Math.ceil(targetSizeBytes / MIB) * TIMEOUT_MS_PER_MIB;
}

/** Memory that one job takes at most, whatever the images' size; see `deltaChunks`. */
const JOB_MEMORY_BYTES = 1024 * MIB;

/** Jobs at once on a machine: a core is left to the service, and half of the memory. */
export function jobsAtOnce(cores: number, memoryBytes: number): number {
  return Math.max(1, Math.min(cores - 1, Math.floor(memoryBytes / 2 / JOB_MEMORY_BYTES)));
}
