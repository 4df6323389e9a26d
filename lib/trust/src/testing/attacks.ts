import type { KeyObject } from 'node:crypto';
import { writeMetadata } from '../metadata.ts';
import { createSnapshot, createTimestamp } from '../online.ts';
import { newKey, signedByAll, type TestRepository } from './test-repository.ts';

/** What an attacker in the repository's place serves: each takes the honest files and changes some. */
export type Files = ReadonlyMap<string, string>;

/** Everything as it was at some earlier moment; keep it with `captured` before the world goes on. */
export function captured(repository: TestRepository): Files {
  return new Map(repository.files);
}

/** A new targets document signed by nobody the root knows, passed on by the real online keys. */
export function forgedTargets(
  repository: TestRepository,
  keys: readonly KeyObject[] = [newKey()],
): Files {
  const draft = repository.draft();
  const { version } = draft.signed;
  const text = writeMetadata(signedByAll(draft, keys));
  return onlineSigned(repository, version, text);
}

/** Signed by fewer keys than the threshold asks for. */
export function belowThreshold(repository: TestRepository): Files {
  return forgedTargets(repository, repository.keys.targets.slice(1));
}

/** The next root, signed by the attacker's keys only. */
export function forgedRoot(repository: TestRepository): Files {
  const files = new Map(repository.files);
  const version = repository.root.signed.version + 1;
  const json = { ...repository.root.signed.toJSON(), version };
  files.set(`${version}.root.json`, JSON.stringify({ signed: json, signatures: [] }));
  return files;
}

/** A timestamp signed by a stranger. */
export function forgedTimestamp(repository: TestRepository): Files {
  const version = repository.timestampVersion + 1;
  const text = repository.files.get(`${repository.snapshotVersion}.snapshot.json`) ?? '';
  const issue = { version, nowMs: repository.now(), validityMs: 86_400_000 };
  const timestamp = createTimestamp(issue, { version: repository.snapshotVersion, text });
  const files = new Map(repository.files);
  files.set('timestamp.json', writeMetadata(signedByAll(timestamp, [newKey()])));
  return files;
}

/** The newest timestamp and snapshot, with the targets of another snapshot under the expected name. */
export function mixedTargets(repository: TestRepository, earlier: Files, version: number): Files {
  const files = new Map(repository.files);
  const old = earlier.get(`${version}.targets.json`) ?? '';
  files.set(`${String(repository.targets?.signed.version)}.targets.json`, old);
  return files;
}

/** Old targets named as the newest by online keys that the attacker holds. */
export function oldTargetsResigned(repository: TestRepository, version: number): Files {
  return onlineSigned(repository, version, repository.files.get(`${version}.targets.json`) ?? '');
}

/** A file that is longer than any such file may be. */
export function endless(repository: TestRepository, file: string): Files {
  const files = new Map(repository.files);
  files.set(file, `{"signed":"${'x'.repeat(3_000_000)}"}`);
  return files;
}

/** What somebody can do who holds the online keys, as ota-service does. */
export function onlineSigned(repository: TestRepository, version: number, text: string): Files {
  const files = new Map(repository.files);
  files.set(`${version}.targets.json`, text);
  const nowMs = repository.now();
  const snapshotVersion = repository.snapshotVersion + 1;
  const snapshot = writeMetadata(
    signedByAll(
      createSnapshot(
        { version: snapshotVersion, nowMs, validityMs: 30 * 86_400_000 },
        { version, text },
      ),
      repository.keys.snapshot,
    ),
  );
  files.set(`${snapshotVersion}.snapshot.json`, snapshot);
  const timestamp = createTimestamp(
    { version: repository.timestampVersion + 1, nowMs, validityMs: 86_400_000 },
    { version: snapshotVersion, text: snapshot },
  );
  files.set('timestamp.json', writeMetadata(signedByAll(timestamp, repository.keys.timestamp)));
  return files;
}
