import {
  belowThreshold,
  captured,
  endless,
  forgedRoot,
  forgedTargets,
  forgedTimestamp,
  mixedTargets,
  oldTargetsResigned,
} from '@flotilla/trust/testing';
import { IMPATIENT, type Attack, type AttackWorld } from './attack.ts';

const DAY_MS = 86_400_000;

/** Honest metadata, then the attacker's in its place. */
const serving =
  (forge: (world: AttackWorld) => ReadonlyMap<string, string>): Attack['strike'] =>
  (world) => {
    const deployment = world.offer();
    world.bench.server.metadata = forge(world);
    return deployment;
  };

/** What the signed metadata itself must not let through. */
export const METADATA_ATTACKS: readonly Attack[] = [
  {
    name: 'wrong key: targets by a stranger, online keys stolen',
    stoppedAt: 'metadata',
    reason: 'metadata_signature_invalid',
    strike: serving(({ repository }) => forgedTargets(repository)),
  },
  {
    name: 'wrong key: one targets key stolen of a threshold of two',
    stoppedAt: 'metadata',
    reason: 'metadata_signature_invalid',
    strike: serving(({ repository }) => belowThreshold(repository)),
  },
  {
    name: 'wrong key: one targets key, counted twice',
    stoppedAt: 'metadata',
    reason: 'metadata_signature_invalid',
    strike: serving(({ repository }) => {
      const key = repository.keys.targets.slice(0, 1);
      return forgedTargets(repository, [...key, ...key]);
    }),
  },
  {
    name: 'wrong key: a root that nobody signed',
    stoppedAt: 'metadata',
    reason: 'metadata_signature_invalid',
    strike: serving(({ repository }) => forgedRoot(repository)),
  },
  {
    name: 'wrong key: a timestamp by a stranger',
    stoppedAt: 'metadata',
    reason: 'metadata_signature_invalid',
    strike: serving(({ repository }) => forgedTimestamp(repository)),
  },
  {
    name: 'expired metadata: targets that nobody renewed',
    stoppedAt: 'metadata',
    reason: 'metadata_expired',
    strike: (world) => {
      const deployment = world.offer();
      world.wait(100 * DAY_MS);
      world.repository.publishSnapshot();
      return deployment;
    },
  },
  {
    name: 'frozen metadata: the timestamp stops moving',
    stoppedAt: 'metadata',
    reason: 'metadata_expired',
    strike: (world) => {
      const deployment = world.offer();
      world.bench.server.metadata = captured(world.repository);
      world.wait(2 * DAY_MS);
      world.repository.publishTimestamp();
      return deployment;
    },
  },
  {
    name: 'rollback: all metadata as it was before',
    stoppedAt: 'metadata',
    reason: 'metadata_rollback',
    strike: async (world) => {
      const before = captured(world.repository);
      await world.seeMore();
      world.bench.server.metadata = before;
      return world.offer();
    },
  },
  {
    name: 'rollback: old targets named the newest, online keys stolen',
    stoppedAt: 'metadata',
    reason: 'metadata_rollback',
    strike: async (world) => {
      await world.seeMore();
      const deployment = world.offer();
      world.bench.server.metadata = oldTargetsResigned(world.repository, 1);
      return deployment;
    },
  },
  {
    name: 'rollback: a withdrawn release comes back by a replay',
    stoppedAt: 'metadata',
    reason: 'metadata_rollback',
    strike: async (world) => {
      const deployment = world.offer();
      const before = captured(world.repository);
      world.repository.withdraw(deployment.target);
      await world.seeMore();
      world.bench.server.metadata = before;
      return deployment;
    },
  },
  {
    name: 'mix-and-match: the newest snapshot, the targets of another',
    stoppedAt: 'metadata',
    reason: 'metadata_invalid',
    strike: (world) => {
      const before = captured(world.repository);
      const { version } = world.repository.draft().signed;
      const deployment = world.offer();
      world.bench.server.metadata = mixedTargets(world.repository, before, version - 1);
      return deployment;
    },
  },
  {
    name: 'endless data: a timestamp of megabytes',
    stoppedAt: 'metadata',
    reason: 'metadata_invalid',
    strike: serving(({ repository }) => endless(repository, 'timestamp.json')),
  },
  {
    name: 'endless data: a root without an end',
    stoppedAt: 'metadata',
    reason: 'metadata_invalid',
    strike: (world) => {
      const next = world.repository.root.signed.version + 1;
      world.bench.server.faults.set(`/device/v1/tuf/${next}.root.json`, { endless: true });
      return world.offer();
    },
  },
  {
    name: 'slow-loris: a timestamp byte by byte',
    stoppedAt: 'metadata',
    reason: null,
    settings: IMPATIENT,
    strike: (world) => {
      world.bench.server.faults.set('/device/v1/tuf/timestamp.json', { dripEveryMs: 20 });
      return world.offer();
    },
  },
];
