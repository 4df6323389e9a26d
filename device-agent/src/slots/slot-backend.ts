import type { Bundle } from '@flotilla/contracts';
import type { BootEnvironment } from './domain/boot-decision.ts';
import type { SlotName } from './domain/slot-state.ts';

/** The verified artifact a slot holds. */
export interface SlotContent {
  readonly version: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface BootedSlot {
  readonly slot: SlotName;
  readonly content: SlotContent;
  /** Absolute path of the folder its program runs in. */
  readonly treePath: string;
  readonly bundle: Bundle;
}

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
  environment(): BootEnvironment;
  /** Spends a try of the chosen slot, durably, before it says which one it is. */
  boot(): Promise<BootResult>;
  /** Null when the slot holds no verified artifact, or what says so is damaged. */
  content(slot: SlotName): Promise<SlotContent | null>;
  /** The artifact itself: the base of the next delta. */
  artifactPath(slot: SlotName): string;
  /** Invalidates and empties the slot, then opens its artifact for writing. */
  openForWriting(slot: SlotName): Promise<ArtifactWriter>;
  /**
   * After the writer was finished: reads the artifact back from disk, checks it against `content`,
   * unpacks it, and marks the slot written. Throws UpdateRefusal.
   */
  seal(slot: SlotName, content: SlotContent): Promise<void>;
  arm(slot: SlotName): Promise<void>;
  /** One write makes the running slot good. */
  confirm(slot: SlotName): Promise<void>;
  /** The good slot proved itself after a boot. Safe beside every other call. */
  renewTries(slot: SlotName): Promise<void>;
  reject(slot: SlotName): Promise<void>;
  /** After a boot that could read nothing in it, good or not: the loader goes on to the other slot. */
  markUnreadable(slot: SlotName): Promise<void>;
}

export interface ArtifactWriter {
  write(chunk: Uint8Array): Promise<void>;
  /** Durable when it resolves. */
  finish(): Promise<void>;
  /** Closes without making anything durable. Safe after finish. */
  abandon(): Promise<void>;
}
