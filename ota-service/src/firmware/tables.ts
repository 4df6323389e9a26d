import type { FirmwareFormat, FirmwareState } from '@flotilla/contracts';
import type { Generated } from 'kysely';

export type TransferEncoding = 'identity' | 'zstd';
export type DeltaState = 'pending' | 'ready' | 'failed' | 'not_worthwhile';

export interface FirmwareTable {
  /** `fw_` and 12 of [0-9a-z]. */
  id: string;
  model: string;
  version: string;
  state: FirmwareState;
  /** Of the artifact itself; the signed target names it. */
  sha256: string;
  size_bytes: number;
  /** Of the bytes a whole transfer serves: the artifact, or its compressed form when smaller. */
  full_sha256: string;
  full_size_bytes: number;
  full_encoding: TransferEncoding;
  format: Generated<FirmwareFormat>;
  /** 0 or 1. */
  allow_downgrade: Generated<number>;
  minimum_version: Generated<string | null>;
  /** JSON array; empty is all. */
  hardware_revisions_json: Generated<string>;
  release_notes: Generated<string>;
  created_at_ms: number;
  released_at_ms: number | null;
  withdrawn_at_ms: Generated<number | null>;
  withdrawal_reason: Generated<string | null>;
  /** When garbage collection gave the bytes of a withdrawn firmware up; the row stays. */
  bytes_removed_at_ms: Generated<number | null>;
}

export interface ModelTable {
  name: string;
  description: string;
  format: FirmwareFormat;
  /** JSON array. */
  hardware_revisions_json: string;
  floor_version: string | null;
  created_at_ms: number;
  updated_at_ms: number;
}

export interface ChannelTable {
  model: string;
  channel: string;
  /** Null after a withdrawal. */
  firmware_id: string | null;
  updated_at_ms: number;
}

/** Append-only; `seq` counts from 1 in each channel. */
export interface ChannelPromotionTable {
  model: string;
  channel: string;
  seq: number;
  firmware_id: string | null;
  version: string | null;
  previous_version: string | null;
  actor: string;
  reason: string;
  at_ms: number;
}

/** A resumable upload. What lies below `offset_bytes` is on disk; bytes behind it are not promised. */
export interface UploadTable {
  id: string;
  length_bytes: number;
  offset_bytes: number;
  /** The `Upload-Metadata` header as it came. */
  metadata: string;
  /** The draft it became; null before. */
  firmware_id: string | null;
  created_at_ms: number;
  expires_at_ms: number;
}

/** At most one delta per pair of artifacts. */
export interface DeltaTable {
  base_sha256: string;
  target_sha256: string;
  state: DeltaState;
  /** Of the delta; null until ready. */
  sha256: string | null;
  size_bytes: number | null;
  codec: string;
  /** Why it failed or is not worthwhile, for a person. */
  detail: string | null;
  created_at_ms: number;
  updated_at_ms: number;
}

export interface FirmwareTables {
  firmware: FirmwareTable;
  deltas: DeltaTable;
  models: ModelTable;
  channels: ChannelTable;
  channel_promotions: ChannelPromotionTable;
  uploads: UploadTable;
}
