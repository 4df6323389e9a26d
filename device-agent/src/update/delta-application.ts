import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { applyDelta, DeltaError, openFileBase } from '@flotilla/delta';
import type { SlotName } from '../slots/domain/slot-state.ts';
import type { SlotBackend } from '../slots/slot-backend.ts';
import { UpdateRefusal } from '../update-refusal.ts';
import type { ExpectedArtifact } from './artifact-source.ts';

export interface PatchOptions {
  /** A verified file; it stays on the disk while it is applied. */
  readonly patchPath: string;
  readonly base: {
    readonly path: string;
    /** Of the artifact; a partition that holds it may be larger. */
    readonly sizeBytes: number;
  };
  readonly slots: SlotBackend;
  readonly slot: SlotName;
  readonly expected: ExpectedArtifact;
  /** Bytes of the artifact between two checkpoints. */
  readonly checkpointBytes: number;
  /** Durable when it resolves; called behind a checkpoint of the slot. */
  readonly saveProgress: (targetOffsetBytes: number) => Promise<void>;
}

/**
 * Applies a patch to what runs here, block by block into the slot, from `fromBytes` on, which is 0 or
 * where an earlier run saved its progress. The prefix is read from the slot and hashed anew. Throws
 * UpdateRefusal, and SlotResumeError when the slot holds less; errors of the disk pass through.
 */
export async function applyPatch(options: PatchOptions, fromBytes: number): Promise<void> {
  const { slots, slot, base, expected, patchPath } = options;
  const hash = createHash('sha256');
  const writer = await slots.openForWriting(slot, fromBytes);
  try {
    for await (const chunk of prefixOf(options, fromBytes)) hash.update(chunk);
    const file = await openFileBase(base.path);
    let checkpointedBytes = fromBytes;
    try {
      await applyDelta({
        base: { sizeBytes: base.sizeBytes, read: (offset, length) => file.read(offset, length) },
        patch: createReadStream(patchPath),
        write: async (chunk) => {
          hash.update(chunk);
          await writer.write(chunk);
        },
        limits: { maxTargetSizeBytes: expected.sizeBytes },
        startAtBytes: fromBytes,
        onBlock: async (targetBytes) => {
          if (targetBytes - checkpointedBytes < options.checkpointBytes) return;
          await writer.checkpoint();
          await options.saveProgress(targetBytes);
          checkpointedBytes = targetBytes;
        },
      });
    } finally {
      await file.close();
    }
    const sha256 = hash.digest('hex');
    if (sha256 !== expected.sha256) {
      const detail = `the delta makes ${sha256}, not the signed artifact`;
      throw new UpdateRefusal('delta_invalid', detail);
    }
    await writer.finish();
  } catch (error) {
    throw asRefusedDelta(error);
  } finally {
    await writer.abandon();
  }
}

async function* prefixOf({ slots, slot }: PatchOptions, lengthBytes: number) {
  if (lengthBytes > 0) yield* slots.readBack(slot, 0, lengthBytes);
}

function asRefusedDelta(error: unknown): unknown {
  if (!(error instanceof DeltaError)) return error;
  const reason = error.code === 'base_mismatch' ? 'delta_base_mismatch' : 'delta_invalid';
  return new UpdateRefusal(reason, `the delta was refused: ${error.message}`, { cause: error });
}
