import { describe, expect, it } from 'vitest';
import { fromDocument, readMetadata, toDocument, writeMetadata } from '../src/metadata.ts';

const target = (n: number) => ({
  length: n,
  hashes: { sha256: String(n).padStart(64, '0') },
  custom: { flotilla: { note: 'ü' } },
  later: ['a member that is not known here'],
});
function documentOf(targets: unknown): object {
  const signed = {
    _type: 'targets',
    spec_version: '1.0.31',
    version: 3,
    expires: '2030-01-01T00:00:00Z',
    targets,
    'x-other': { kept: true },
  };
  return { signatures: [], signed };
}

describe('targets', () => {
  it('are written as they were read, whatever their names and members', () => {
    const names = ['m/1.0.0', '__proto__', 'constructor', ''];
    const targets = Object.fromEntries(names.map((name, n) => [name, target(n)]));
    const document = documentOf(targets);
    const read = fromDocument('targets', document);
    expect(Object.keys(read.signed.targets)).toEqual(names);
    expect(read.signed.targets['m/1.0.0']?.path).toBe('m/1.0.0');
    expect(toDocument(read)).toEqual(document);
    expect(JSON.parse(writeMetadata(read))).toEqual(document);
  });

  it.each([null, 'text', [1], { path: 'text' }])('that are %j are refused', (targets) => {
    expect(() => fromDocument('targets', documentOf(targets))).toThrow('targets must be an object');
  });

  it('cost as much as they are many: a square of them would not end in time', () => {
    const many = Array.from({ length: 8_000 }, (_, n) => [`m/1.${n}.0`, target(n)] as const);
    const text = JSON.stringify(documentOf(Object.fromEntries(many)));
    const read = readMetadata('targets', text);
    expect(JSON.parse(writeMetadata(read))).toEqual(JSON.parse(text));
  });
});
