import type { Bundle } from '@flotilla/contracts';
import type { BootEnvironment } from './domain/boot-decision.ts';
import type { SlotName } from './domain/slot-state.ts';

/** The verified artifact a slot holds. */
export interface SlotContent {
  readonly version: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** An application bundle in a folder: the agent starts its command itself. */
export interface BootedBundle {
  readonly kind: 'bundle';
  readonly slot: SlotName;
  readonly content: SlotContent;
  /** Absolute path of the folder its program runs in. */
  readonly treePath: string;
  readonly bundle: Bundle;
}

/** A whole system in a partition: the boot loader started it, the agent only watches it. */
export interface BootedImage {
  readonly kind: 'image';
  readonly slot: SlotName;
  readonly content: SlotContent;
}

export type BootedSlot = BootedBundle | BootedImage;

/** What the loader did. Of `unreadable` the caller tells `markUnreadable`, and boots again. */
export type BootResult =
  | { readonly kind: 'booted'; readonly booted: BootedSlot }
  | { readonly kind: 'unreadable'; readonly slot: SlotName; readonly why: string }
  | { readonly kind: 'nothing_bootable' };

/**
 * Two places for firmware and the boot environment that chooses between them. Every change of the
 * environment is one durable write. Implementations never write a slot that is good and first in order.
 */
export interface SlotBackend {
  /** `image`: only a restart of the machine boots another slot, and the boot loader spends the try. */
  readonly kind: 'directory' | 'image';
  environment(): BootEnvironment;
  /**
   * `directory`: chooses as the loader would and spends a try, durably, before it says which slot it
   * is. `image`: says which slot the boot loader started; nothing is chosen or spent.
   */
  boot(): Promise<BootResult>;
  /** Null when the slot holds no verified artifact, or what says so is damaged. */
  content(slot: SlotName): Promise<SlotContent | null>;
  /** The artifact itself: the base of the next delta. */
  artifactPath(slot: SlotName): string;
  /** The largest artifact the slot can hold; null when only the disk's free space limits it. */
  capacityBytes(slot: SlotName): Promise<number | null>;
  /**
   * With 0 invalidates and empties the slot, then opens it for writing from its first byte. With more
   * goes on at that byte of a slot that is still `writing`; what lies behind it is overwritten. Throws
   * SlotResumeError when the slot does not hold that many bytes: the caller begins at 0.
   */
  openForWriting(slot: SlotName, resumeAtBytes?: number): Promise<ArtifactWriter>;
  /**
   * Bytes as the disk holds them, in chunks of at most 256 KiB, e.g. to hash what an earlier run wrote;
   * each is valid until the next is asked for.
   * Throws SlotResumeError when the slot ends before them.
   */
  readBack(slot: SlotName, firstByte: number, lengthBytes: number): AsyncIterable<Buffer>;
  /**
   * After the writer was finished: reads the artifact back from disk, checks it against `content`,
   * unpacks it, and marks the slot written. Throws UpdateRefusal.
   */
  seal(slot: SlotName, content: SlotContent): Promise<void>;
  arm(slot: SlotName): Promise<void>;
  /** One write makes the running slot good. */
  confirm(slot: SlotName): Promise<void>;
  /** One write puts a good slot before the one that runs, which stays good for the loader to return to. */
  prefer(slot: SlotName): Promise<void>;
  /** The good slot proved itself after a boot. Safe beside every other call. */
  renewTries(slot: SlotName): Promise<void>;
  reject(slot: SlotName): Promise<void>;
  /** After a boot that could read nothing in it, good or not: the loader goes on to the other slot. */
  markUnreadable(slot: SlotName): Promise<void>;
}

export interface ArtifactWriter {
  /** Appends; throws UpdateRefusal `no_space` beyond the slot's capacity. */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Makes everything written so far durable and says how much the slot then holds, in bytes from its
   * start: a later `openForWriting` may go on there.
   */
  checkpoint(): Promise<number>;
  /** Durable when it resolves. */
  finish(): Promise<void>;
  /** Closes without making anything durable. Safe after finish. */
  abandon(): Promise<void>;
}

/** The slot holds less than the caller remembers, or is not being written: begin at byte 0. */
export class SlotResumeError extends Error {
  override readonly name = 'SlotResumeError';
}
