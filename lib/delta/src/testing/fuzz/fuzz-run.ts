import { applyDelta } from '../../apply-delta.ts';
import { DeltaError } from '../../delta-error.ts';
import { bufferBase } from '../../random-access-base.ts';
import { inPieces } from '../pieces.ts';
import type { FuzzSeed } from './fuzz-seeds.ts';
import { PATCH_MUTATIONS, type Pick } from './patch-mutations.ts';

/** A device's limit: a forger may honestly promise this much target, and it takes time to write. */
export const FUZZ_TARGET_BYTES = 512 * 1024;

export interface FuzzOutcome {
  /** By mutation, then by outcome: a code of DeltaError, or `same`. */
  readonly counts: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Inputs that did anything else, told so that they can be made again. */
  readonly surprises: readonly string[];
  /** CPU time of the slowest input. */
  readonly worstCpuMs: number;
  readonly worstInput: string;
}

/** Breaks the seeds `inputs` times, from random number `firstInput` on, and applies each. */
export async function fuzzPatches(
  seeds: readonly FuzzSeed[],
  inputs: number,
  seedOfRun: number,
  onInput: (index: number) => void = () => {},
): Promise<FuzzOutcome> {
  const counts = new Map<string, Map<string, number>>();
  const surprises: string[] = [];
  let worstCpuMs = 0;
  let worstInput = '';
  for (let i = 0; i < inputs; i++) {
    const mutation = PATCH_MUTATIONS[i % PATCH_MUTATIONS.length];
    const pick = picker(seedOfRun + i);
    // The last ones are the largest, and less often broken.
    const seed = seeds[Math.min(pick(seeds.length), pick(seeds.length), pick(seeds.length))];
    if (mutation === undefined || seed === undefined) throw new RangeError('nothing to break');
    const patch = mutation.breakPatch(seed, pick);
    const startedAt = process.cpuUsage();
    const outcome = await outcomeOf(seed, patch, pick(4) === 0 ? seed.resumeAtBytes : 0);
    const { user, system } = process.cpuUsage(startedAt);
    const input = `${mutation.name} of ${seed.name}, input ${i} of run ${seedOfRun}`;
    if ((user + system) / 1000 > worstCpuMs) {
      worstCpuMs = (user + system) / 1000;
      worstInput = input;
    }
    if (outcome.isSurprise) surprises.push(`${input}: ${outcome.name}`);
    const of = counts.get(mutation.name) ?? new Map<string, number>();
    counts.set(mutation.name, of.set(outcome.name, (of.get(outcome.name) ?? 0) + 1));
    onInput(i);
  }
  return { counts, surprises, worstCpuMs, worstInput };
}

interface Outcome {
  readonly name: string;
  readonly isSurprise: boolean;
}

async function outcomeOf(seed: FuzzSeed, patch: Buffer, startAtBytes: number): Promise<Outcome> {
  const written: Uint8Array[] = [];
  let size = startAtBytes;
  try {
    const { sha256 } = await applyDelta({
      base: bufferBase(seed.base),
      patch: inPieces(patch, 4096),
      limits: { maxTargetSizeBytes: FUZZ_TARGET_BYTES },
      startAtBytes,
      write: async (chunk) => {
        size += chunk.length;
        if (size <= FUZZ_TARGET_BYTES) written.push(chunk);
      },
    });
    // After resuming, the target's digest is the caller's to check.
    if (sha256 === null) return { name: 'resumed', isSurprise: false };
    const isSame = Buffer.concat(written).equals(seed.target);
    return isSame ? { name: 'same', isSurprise: false } : { name: 'WRONG', isSurprise: true };
  } catch (error) {
    if (size > FUZZ_TARGET_BYTES) return { name: 'wrote past its limit', isSurprise: true };
    if (error instanceof DeltaError) return { name: error.code, isSurprise: false };
    return { name: String(error), isSurprise: true };
  }
}

/** Mulberry32: the same seed gives the same input. */
function picker(seed: number): Pick {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}
