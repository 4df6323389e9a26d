import type { Logger } from '@flotilla/service';
import type { BootedSlot, SlotBackend } from '../slots/slot-backend.ts';
import { SlotResumeError } from '../slots/slot-backend.ts';
import { asRefusal, UpdateRefusal } from '../update-refusal.ts';
import { checkAnnounced, chooseSource, type ArtifactSource } from './artifact-source.ts';
import type { ArtifactTransfer } from './artifact-transfer.ts';
import type { AttemptLedger } from './attempt-ledger.ts';
import { applyPatch, type PatchOptions } from './delta-application.ts';
import { FullImageStream } from './full-image-stream.ts';
import type { UpdateAttempt, WriteProgress } from './update-attempt.ts';

export interface DeliveryOptions {
  readonly slots: SlotBackend;
  readonly transfer: ArtifactTransfer;
  readonly ledger: AttemptLedger;
  /** Bytes of an artifact between two durable checkpoints. */
  readonly checkpointBytes: number;
  readonly logger: Logger;
}

/** Brings the artifact of the attempt under way into its slot. Throws UpdateRefusal. */
export class ArtifactDelivery {
  readonly #options: DeliveryOptions;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  sourceOf(attempt: UpdateAttempt, running: BootedSlot | null): ArtifactSource {
    if (attempt.deployment === null) throw new Error('nothing is offered to be fetched');
    const runningSha256 = running?.content.sha256 ?? null;
    return chooseSource(attempt.deployment, runningSha256, attempt.deltaFailure !== null);
  }

  /** A full image straight into the slot, a patch onto the disk. */
  async fetch(running: BootedSlot | null, signal: AbortSignal): Promise<'complete' | 'stopped'> {
    const { transfer, ledger } = this.#options;
    const { attempt } = ledger;
    if (await this.#isSealed(attempt)) return 'complete';
    const source = this.sourceOf(attempt, running);
    checkAnnounced(source, written(attempt).artifact);
    await transfer.discardOthers(source);
    await this.#checkSpace(source, attempt);
    // What an earlier run fetched before it was cut off crossed the network as well.
    ledger.countFrom(await transfer.presentBytes(source));
    const onBytes = (count: number) => ledger.received(count);
    if (source.kind === 'delta') return transfer.fetchPatch(source, signal, onBytes);
    try {
      return await this.#streamImage(source, attempt.progress, signal);
    } catch (error) {
      // Part of it came from an earlier run and may be at fault: it gets one clean try.
      const isMixed = attempt.progress !== null && isMismatch(error);
      if (!isMixed) throw asRefusal(error, 'slot_write_failed');
      await ledger.change({ progress: null });
      return this.fetch(running, signal);
    }
  }

  /** The slot complete, read back, and ready to be armed. */
  async install(running: BootedSlot | null): Promise<void> {
    const { slots, ledger } = this.#options;
    const { attempt } = ledger;
    const { target, artifact } = written(attempt);
    if (await this.#isSealed(attempt)) return;
    const source = this.sourceOf(attempt, running);
    try {
      if (source.kind === 'delta') await this.#patch(source, running, attempt);
      await slots.seal(target, { version: attempt.version, ...artifact });
    } catch (error) {
      throw asRefusal(error, 'slot_write_failed');
    }
  }

  /** After a disk that got full: what was fetched goes, so that there is room at least to say so. */
  async makeRoom(): Promise<void> {
    const { slots, transfer, ledger, logger } = this.#options;
    const { target } = ledger.attempt;
    try {
      await transfer.discardOthers(null);
      if (target === null || (await slots.capacityBytes(target)) !== null) return;
      await (await slots.openForWriting(target)).abandon();
    } catch (error) {
      logger.error({ err: error }, 'no room could be made');
    }
  }

  /** By an earlier run, which did not come to say so. */
  async #isSealed({ target, artifact }: UpdateAttempt): Promise<boolean> {
    const { slots } = this.#options;
    if (target === null || slots.environment().slots[target].kind !== 'written') return false;
    return (await slots.content(target))?.sha256 === artifact?.sha256;
  }

  async #streamImage(
    source: ArtifactSource & { kind: 'full' },
    progress: WriteProgress | null,
    signal: AbortSignal,
  ): Promise<'complete' | 'stopped'> {
    const { transfer, ledger } = this.#options;
    const image = await this.#openImage(source, progress);
    try {
      const onBytes = (count: number) => ledger.received(count);
      const result = await transfer.fetchImage(source, image, signal, onBytes);
      if (result === 'complete') await image.finish();
      return result;
    } finally {
      await image.close();
    }
  }

  async #openImage(
    source: ArtifactSource & { kind: 'full' },
    progress: WriteProgress | null,
  ): Promise<FullImageStream> {
    const { slots, ledger, checkpointBytes } = this.#options;
    const { target, artifact } = written(ledger.attempt);
    const options = {
      slots,
      slot: target,
      expected: artifact,
      encoding: source.encoding,
      transferBytes: source.transfer.sizeBytes,
      checkpointBytes,
      saveProgress: (reached: WriteProgress) =>
        ledger.change({ progress: reached, transferBytes: ledger.receivedBytes }),
    };
    try {
      return await FullImageStream.open(options, progress);
    } catch (error) {
      if (!(error instanceof SlotResumeError)) throw error;
      return FullImageStream.open(options, null);
    }
  }

  async #patch(
    source: ArtifactSource,
    running: BootedSlot | null,
    attempt: UpdateAttempt,
  ): Promise<void> {
    const { slots, transfer, ledger, checkpointBytes } = this.#options;
    const { target, artifact } = written(attempt);
    if (running === null) throw new UpdateRefusal('delta_base_mismatch', 'nothing runs here');
    const { sizeBytes } = running.content;
    const transferOffsetBytes = source.transfer.sizeBytes;
    const options: PatchOptions = {
      patchPath: transfer.patchPath(source),
      base: { path: slots.artifactPath(running.slot), sizeBytes },
      slots,
      slot: target,
      expected: artifact,
      checkpointBytes,
      saveProgress: (targetOffsetBytes) =>
        ledger.change({ progress: { transferOffsetBytes, targetOffsetBytes, etag: null } }),
    };
    const fromBytes = attempt.progress?.targetOffsetBytes ?? 0;
    try {
      await applyPatch(options, fromBytes);
    } catch (error) {
      // What an earlier run wrote is gone or at fault: it gets one clean try.
      const isStale = error instanceof SlotResumeError || error instanceof UpdateRefusal;
      if (fromBytes === 0 || !isStale) throw error;
      await ledger.change({ progress: null });
      await applyPatch(options, 0);
    }
  }

  /** A folder holds the artifact twice, as delivered and unpacked; a partition takes nothing. */
  async #checkSpace(source: ArtifactSource, attempt: UpdateAttempt): Promise<void> {
    const { slots, transfer } = this.#options;
    const { target, artifact } = written(attempt);
    const capacity = await slots.capacityBytes(target);
    if (capacity !== null && capacity < artifact.sizeBytes) {
      const detail = `the artifact has ${artifact.sizeBytes} bytes, slot ${target} holds ${capacity}`;
      throw new UpdateRefusal('no_space', detail);
    }
    const present = attempt.progress?.targetOffsetBytes ?? 0;
    await transfer.checkSpace(source, capacity === null ? 2 * artifact.sizeBytes - present : 0);
  }
}

function written(attempt: UpdateAttempt) {
  const { target, artifact } = attempt;
  if (target === null || artifact === null) throw new Error('the attempt has no target');
  return { target, artifact };
}

function isMismatch(error: unknown): boolean {
  const reasons = ['artifact_checksum_mismatch', 'artifact_size_mismatch'];
  return error instanceof UpdateRefusal && reasons.includes(error.reason);
}
