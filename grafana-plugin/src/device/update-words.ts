import type { UpdateReason, UpdateState } from '@flotilla/contracts';

const STATE_WORDS: Readonly<Record<UpdateState, string>> = {
  offered: 'Offered',
  downloading: 'Downloading',
  installing: 'Installing',
  trial: 'On trial',
  confirmed: 'Confirmed',
  failed: 'Failed',
  rolled_back: 'Rolled back',
};

export function updateStateWord(state: UpdateState): string {
  return STATE_WORDS[state];
}

interface ReasonWords {
  /** A few words, for a table. */
  readonly short: string;
  /** A sentence that says what happened and what the device did about it. */
  readonly sentence: string;
}

const REASON_WORDS: Readonly<Record<UpdateReason, ReasonWords>> = {
  metadata_unavailable: {
    short: 'metadata unavailable',
    sentence:
      'The signed metadata could not be fetched, so the device could not tell whether the firmware is signed. It changed nothing.',
  },
  metadata_invalid: {
    short: 'metadata unreadable',
    sentence: 'The signed metadata could not be read, so nothing was downloaded.',
  },
  metadata_signature_invalid: {
    short: 'wrong signature',
    sentence:
      'The metadata is not signed by enough of the keys this device trusts. The device refused it and changed nothing.',
  },
  metadata_expired: {
    short: 'metadata expired',
    sentence:
      'The signed metadata is past its expiry, so it may be an old copy shown again. The device refused it and changed nothing.',
  },
  metadata_rollback: {
    short: 'older metadata',
    sentence:
      'The metadata is older than what this device has seen before. The device refused it and changed nothing.',
  },
  target_not_signed: {
    short: 'not signed',
    sentence:
      'The firmware is not among the signed releases, or differs from the one that was signed. Nothing was installed.',
  },
  model_mismatch: {
    short: 'for another model',
    sentence: 'The firmware is made for another model. The device refused it and changed nothing.',
  },
  format_mismatch: {
    short: 'other format',
    sentence:
      'The firmware comes in a form that the slots of this device do not take. It changed nothing.',
  },
  hardware_mismatch: {
    short: 'other hardware',
    sentence:
      'The firmware is not made for this hardware revision. The device refused it and changed nothing.',
  },
  minimum_version_unmet: {
    short: 'step needed before',
    sentence: 'The firmware needs a newer version on the device before it can be installed.',
  },
  downgrade_refused: {
    short: 'downgrade refused',
    sentence:
      'The firmware is older than the one this device has confirmed, and it is not signed as a downgrade.',
  },
  download_failed: {
    short: 'download failed',
    sentence:
      'The download broke off and did not succeed on retry. The running firmware is untouched.',
  },
  artifact_size_mismatch: {
    short: 'wrong size',
    sentence:
      'The downloaded firmware does not have the size that was signed, so it was discarded.',
  },
  artifact_checksum_mismatch: {
    short: 'wrong checksum',
    sentence:
      'The downloaded firmware does not have the checksum that was signed, so it was discarded.',
  },
  delta_invalid: {
    short: 'delta damaged',
    sentence:
      'The delta is damaged or cut short and could not be applied. The running firmware is untouched.',
  },
  delta_base_mismatch: {
    short: 'delta does not fit',
    sentence: 'The delta was made for another version than the one running on this device.',
  },
  bundle_invalid: {
    short: 'bundle invalid',
    sentence:
      'The firmware arrived intact, but its content does not say correctly how to run it. It was never started.',
  },
  no_space: {
    short: 'no space left',
    sentence: 'There is not enough free space on the device to store the new firmware.',
  },
  slot_write_failed: {
    short: 'write failed',
    sentence:
      'Writing the new firmware to the inactive slot failed. The running firmware is untouched.',
  },
  installer_failed: {
    short: 'installer failed',
    sentence: 'The installer on the device gave the update up. The running firmware is untouched.',
  },
  slot_readback_mismatch: {
    short: 'storage fault',
    sentence:
      'The slot read back differently from what was written, which points to faulty storage. The new firmware was not started.',
  },
  hook_failed: {
    short: 'hook failed',
    sentence: 'A hook on the device stopped the update. The running firmware is untouched.',
  },
  trial_crashed: {
    short: 'crashed on trial',
    sentence:
      'The new firmware started and then crashed during its trial. The device went back to the version before.',
  },
  trial_unhealthy: {
    short: 'unhealthy on trial',
    sentence:
      'The new firmware ran but did not pass its health checks during the trial. The device went back to the version before.',
  },
  trial_probe_failed: {
    short: 'probe failed on trial',
    sentence:
      'The new firmware ran but a probe of the device failed during the trial. The device went back to the version before.',
  },
  trial_memory_exceeded: {
    short: 'memory on trial',
    sentence:
      'The new firmware used more memory than it may during the trial. The device went back to the version before.',
  },
  trial_telemetry_lost: {
    short: 'no telemetry on trial',
    sentence:
      'With the new firmware the device could no longer send telemetry. It went back to the version before.',
  },
  deadline_missed: {
    short: 'deadline missed',
    sentence: 'The device started the update and did not finish it before the deadline.',
  },
  internal_error: {
    short: 'agent fault',
    sentence: 'The update stopped on a fault in the device agent itself. The detail names it.',
  },
};

export function reasonWords(reason: UpdateReason): ReasonWords {
  return REASON_WORDS[reason];
}
