import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  NotFoundError,
  readMetadata,
  refreshMetadata,
  releaseAt,
  type MetadataSet,
  type Refreshed,
} from '../src/index.ts';
import * as attacks from '../src/testing/index.ts';
import { TestRepository, type Files } from '../src/testing/index.ts';

const artifact = Buffer.from('firmware');
const HOUR_MS = 3_600_000;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-trust-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const firstSet = (repository: TestRepository): MetadataSet => ({
  root: repository.pinnedRoot,
  timestamp: null,
  snapshot: null,
  targets: null,
});

function refresh(
  trusted: MetadataSet,
  files: Files | TestRepository['fetchMetadata'],
  nowMs = Date.now(),
): Promise<Refreshed> {
  const serve = (file: string) => {
    const text = (files as Files).get(file);
    return text === undefined
      ? Promise.reject(new NotFoundError(file))
      : Promise.resolve(Buffer.from(text));
  };
  const fetchMetadata = typeof files === 'function' ? files : serve;
  return refreshMetadata({ trusted, workFolder: join(folder, 'work'), fetchMetadata, nowMs });
}

/** A repository with 1.0.0 and then 1.1.0, and a device that has seen the first, or both. */
async function history(threshold = 1) {
  const repository = new TestRepository({ threshold });
  repository.release(artifact, { version: '1.0.0' });
  const early = attacks.captured(repository);
  const atFirst = (await refresh(firstSet(repository), early)).trusted;
  repository.release(artifact, { version: '1.1.0' });
  const late = attacks.captured(repository);
  const atSecond = (await refresh(atFirst, late)).trusted;
  return { repository, early, late, atFirst, atSecond };
}

const versionOf = (set: MetadataSet, role: 'root' | 'timestamp' | 'snapshot' | 'targets') =>
  readMetadata(role, set[role] ?? '').signed.version;

describe('a device that refreshes its metadata', () => {
  it('learns a release from the pinned root alone', async () => {
    const repository = new TestRepository({ threshold: 2 });
    const target = repository.release(artifact, { version: '1.0.0' });
    const { failure, targets } = await refresh(firstSet(repository), repository.fetchMetadata);
    expect(failure).toBeNull();
    expect(releaseAt(targets!, 'sensor-x1/1.0.0')).toEqual(target);
    expect(releaseAt(targets!, 'sensor-x1/9.9.9')).toBeNull();
    expect(releaseAt(targets!, '__proto__')).toBeNull();
  });

  it('follows each role to new keys, over several roots at once', async () => {
    const { repository, atSecond } = await history(2);
    repository.rotate('timestamp', 'snapshot');
    repository.rotate('targets');
    repository.rotate('root');
    const { failure, trusted, targets } = await refresh(atSecond, repository.fetchMetadata);
    expect(failure).toBeNull();
    expect(versionOf(trusted, 'root')).toBe(4);
    expect(releaseAt(targets!, 'sensor-x1/1.1.0')).not.toBeNull();
    repository.withdraw('sensor-x1/1.1.0');
    const later = await refresh(trusted, repository.fetchMetadata);
    expect(releaseAt(later.targets!, 'sensor-x1/1.1.0')).toBeNull();
  });

  it('keeps what it verified before a failure, so that a root seen once cannot be taken back', async () => {
    const { repository, atSecond, late } = await history();
    repository.rotate('timestamp');
    const files = new Map(late);
    files.set('2.root.json', repository.files.get('2.root.json')!);
    const first = await refresh(atSecond, files);
    expect(first.failure?.fault).toBe('metadata_signature_invalid');
    expect(versionOf(first.trusted, 'root')).toBe(2);
    // Hiding the new root again does not bring the old timestamp key back.
    expect((await refresh(first.trusted, late)).failure?.fault).toBe('metadata_signature_invalid');
    expect((await refresh(first.trusted, repository.fetchMetadata)).failure).toBeNull();
  });

  it('is told from the time of signing that the clock of this device is behind', async () => {
    let nowMs = Date.now();
    const repository = new TestRepository({ now: () => nowMs, targetsValidityMs: HOUR_MS });
    repository.release(artifact, { version: '1.0.0' });
    const atBoot = await refresh(firstSet(repository), repository.fetchMetadata, 0);
    expect(atBoot.failure).toBeNull();
    nowMs += 2 * HOUR_MS;
    repository.publishTimestamp();
    const later = await refresh(atBoot.trusted, repository.fetchMetadata, 0);
    expect(later.failure).toMatchObject({ fault: 'metadata_expired' });
    expect(later.targets).toBeNull();
  });
});

describe('metadata that a device refuses', () => {
  it.each([
    ['targets by a stranger', attacks.forgedTargets, 'metadata_signature_invalid'],
    ['targets below the threshold', attacks.belowThreshold, 'metadata_signature_invalid'],
    ['a root by a stranger', attacks.forgedRoot, 'metadata_signature_invalid'],
    ['a timestamp by a stranger', attacks.forgedTimestamp, 'metadata_signature_invalid'],
    [
      'an endless timestamp',
      (r: TestRepository) => attacks.endless(r, 'timestamp.json'),
      'metadata_invalid',
    ],
    [
      'an endless root',
      (r: TestRepository) => attacks.endless(r, '2.root.json'),
      'metadata_invalid',
    ],
    [
      'old targets by stolen online keys',
      (r: TestRepository) => attacks.oldTargetsResigned(r, 1),
      'metadata_rollback',
    ],
  ] as const)('%s', async (_name, attack, fault) => {
    const { repository, atSecond } = await history(2);
    const { failure, trusted, targets } = await refresh(atSecond, attack(repository));
    expect(failure?.fault).toBe(fault);
    expect(targets).toBeNull();
    expect(trusted.targets).toBe(atSecond.targets);
  });

  it('all of it as it was before', async () => {
    const { early, atSecond } = await history();
    const { failure, trusted } = await refresh(atSecond, early);
    expect(failure?.fault).toBe('metadata_rollback');
    expect(trusted).toEqual(atSecond);
  });

  it('targets of another snapshot', async () => {
    const { repository, early, atFirst } = await history();
    const mixed = attacks.mixedTargets(repository, early, 1);
    expect((await refresh(atFirst, mixed)).failure?.fault).toBe('metadata_invalid');
  });

  it('the same for ever', async () => {
    const { late, atSecond } = await history();
    const nextWeek = Date.now() + 7 * 24 * HOUR_MS;
    expect((await refresh(atSecond, late, nextWeek)).failure?.fault).toBe('metadata_expired');
  });

  it.each(['root', 'targets', 'snapshot', 'timestamp'] as const)('expired: %s', async (role) => {
    const ageMs = { root: 400, targets: 100, snapshot: 40, timestamp: 2 }[role] * 24 * HOUR_MS;
    let nowMs = Date.now() - ageMs;
    const repository = new TestRepository({ now: () => nowMs });
    repository.release(artifact, { version: '1.0.0' });
    nowMs = Date.now();
    if (role === 'snapshot') repository.publishTimestamp();
    if (role === 'targets') repository.publishSnapshot();
    if (role === 'root') repository.publishTargets(repository.draft());
    const { failure } = await refresh(firstSet(repository), repository.fetchMetadata);
    expect(failure?.fault).toBe('metadata_expired');
    expect(failure?.message).toContain(role);
  });

  it('what is not metadata', async () => {
    const { repository, atSecond } = await history();
    for (const text of ['', 'x', '[]', '{}', '{"signed":{},"signatures":[]}', 'null']) {
      const files = new Map(repository.files).set('timestamp.json', text);
      expect([text, (await refresh(atSecond, files)).failure?.fault]).toEqual([
        text,
        'metadata_invalid',
      ]);
    }
  });

  it('nothing, for now, when the repository does not answer', async () => {
    const { repository, atSecond } = await history();
    const down = () => Promise.reject(new Error('connection refused'));
    const first = await refresh(atSecond, down);
    expect(first.failure).toMatchObject({
      fault: 'metadata_unavailable',
      message: 'connection refused',
    });
    const files = new Map(repository.files);
    files.delete('timestamp.json');
    expect((await refresh(atSecond, files)).failure?.fault).toBe('metadata_unavailable');
    repository.release(artifact, { version: '1.2.0' });
    for (const missing of [`${repository.snapshotVersion}.snapshot.json`, '3.targets.json']) {
      const part = new Map(repository.files);
      part.delete(missing);
      expect((await refresh(atSecond, part)).failure?.fault).toBe('metadata_unavailable');
    }
  });
});
