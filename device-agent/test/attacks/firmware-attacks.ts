import { zstdCompressSync } from 'node:zlib';
import { createDelta } from '@flotilla/delta';
import { bundleEntries, firmwareBundle, tarOf } from '../../src/testing/test-bundle.ts';
import { IMPATIENT, type Attack } from './attack.ts';

/** Targets that are signed by the right keys, and not for this device. */
const TARGET_ATTACKS: readonly Attack[] = [
  {
    name: 'a release that was withdrawn',
    stoppedAt: 'target',
    reason: 'target_not_signed',
    strike: ({ offer, repository }) => {
      const deployment = offer();
      repository.withdraw(deployment.target);
      return deployment;
    },
  },
  {
    name: 'wrong model',
    stoppedAt: 'target',
    reason: 'model_mismatch',
    strike: ({ offer }) => offer({ model: 'other-model' }),
  },
  {
    name: 'other hardware revision',
    stoppedAt: 'target',
    reason: 'hardware_mismatch',
    settings: { hardwareRevision: 'rev-b' },
    strike: ({ offer }) => offer({ release: { hardwareRevisions: ['rev-a'] } }),
  },
  {
    name: 'skips the version that must come first',
    stoppedAt: 'target',
    reason: 'minimum_version_unmet',
    strike: ({ offer }) => offer({ release: { minimumVersion: '1.1.5' } }),
  },
  {
    name: 'downgrade to a release that is still signed',
    stoppedAt: 'target',
    reason: 'downgrade_refused',
    strike: async ({ offer }) =>
      offer({ version: '1.0.0', artifact: await firmwareBundle('1.0.0') }),
  },
];

function tampered(artifact: Buffer): Buffer {
  const bytes = Buffer.from(artifact);
  bytes.writeUInt8(bytes.readUInt8(1000) ^ 1, 1000);
  return bytes;
}

/** A few hundred bytes that make the base 64 times over. */
function patchBomb(base: Buffer): Buffer {
  const target = Buffer.concat(Array.from({ length: 64 }, () => base));
  return Buffer.from(createDelta(base, target, { methods: 'fast' }));
}

/** Bytes that are not the ones the target names. */
const TRANSFER_ATTACKS: readonly Attack[] = [
  {
    name: 'tampered artifact, with its length',
    stoppedAt: 'transfer',
    reason: 'artifact_checksum_mismatch',
    strike: ({ offer, bench, next }) => {
      const deployment = offer();
      bench.server.faults.set(deployment.full.path, { instead: tampered(next) });
      return deployment;
    },
  },
  {
    name: 'tampered artifact, announced under a digest that fits it',
    stoppedAt: 'target',
    reason: 'artifact_checksum_mismatch',
    strike: ({ offer, bench, next }) => ({
      ...offer(),
      full: { ...bench.server.addBlob(tampered(next)), encoding: 'identity' },
    }),
  },
  {
    name: 'endless data: an artifact without an end',
    stoppedAt: 'transfer',
    reason: 'artifact_size_mismatch',
    strike: ({ offer, bench }) => {
      const deployment = offer();
      bench.server.faults.set(deployment.full.path, { endless: true });
      return deployment;
    },
  },
  {
    name: 'endless data: a few bytes that unpack to 64 MiB',
    stoppedAt: 'transfer',
    reason: 'artifact_size_mismatch',
    strike: ({ offer, bench }) => {
      const bomb = zstdCompressSync(Buffer.alloc(64 * 1024 * 1024));
      return { ...offer(), full: { ...bench.server.addBlob(bomb), encoding: 'zstd' } };
    },
  },
  {
    name: 'slow-loris: an artifact byte by byte',
    stoppedAt: 'transfer',
    reason: 'download_failed',
    settings: IMPATIENT,
    strike: ({ offer, bench }) => {
      const deployment = offer();
      bench.server.faults.set(deployment.full.path, { dripEveryMs: 20 });
      return deployment;
    },
  },
  {
    name: 'delta for another base',
    stoppedAt: 'transfer',
    reason: 'delta_base_mismatch',
    strike: async ({ offer, base, next }) => {
      const delta = Buffer.from(createDelta(await firmwareBundle('0.9.0'), next));
      return offer({ base, delta });
    },
  },
  {
    name: 'patch bomb: 64 times the base',
    stoppedAt: 'transfer',
    reason: 'delta_invalid',
    strike: ({ offer, base }) => offer({ base, delta: patchBomb(base) }),
  },
];

/** The right key signed a bundle that no slot may take. */
const SLOT_ATTACKS: readonly Attack[] = [
  {
    name: 'path traversal in a bundle',
    stoppedAt: 'slot',
    reason: 'bundle_invalid',
    strike: async ({ offer }) => {
      const entries = [...bundleEntries('1.2.0'), { name: '../../../evil', content: 'x' }];
      return offer({ artifact: await tarOf(entries) });
    },
  },
  {
    name: 'a link out of the slot in a bundle',
    stoppedAt: 'slot',
    reason: 'bundle_invalid',
    strike: async ({ offer }) => {
      const link = { name: 'out', type: 'symlink', linkname: '../../..' } as const;
      return offer({ artifact: await tarOf([...bundleEntries('1.2.0'), link]) });
    },
  },
];

export const FIRMWARE_ATTACKS = [...TARGET_ATTACKS, ...TRANSFER_ATTACKS, ...SLOT_ATTACKS];
