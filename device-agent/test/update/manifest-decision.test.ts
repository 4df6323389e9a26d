import fc from 'fast-check';
import type { Manifest } from '@flotilla/contracts';
import { describe, expect, it } from 'vitest';
import { decideManifest } from '../../src/update/domain/manifest-decision.ts';
import { comparePrecedence } from '../../src/update/domain/version-precedence.ts';

describe('precedence of versions', () => {
  it('follows the examples of Semantic Versioning 2.0.0, clause 11', () => {
    const ascending = [
      '0.9.9',
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-alpha.beta',
      '1.0.0-beta',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
      '1.0.1',
      '1.2.0',
      '1.10.0',
      '2.0.0',
      '2.1.0',
      '2.1.1',
      '90071992547409910.0.0',
      '90071992547409911.0.0',
    ];
    for (const [i, a] of ascending.entries()) {
      for (const [j, b] of ascending.entries()) {
        expect(Math.sign(comparePrecedence(a, b))).toBe(Math.sign(i - j));
      }
    }
  });

  it('ignores build metadata and takes a dash in it for what it is', () => {
    expect(comparePrecedence('1.0.0+a', '1.0.0+b-1')).toBe(0);
    expect(comparePrecedence('1.0.0+x-y', '1.0.0')).toBe(0);
  });

  it('is an order', () => {
    const identifier = fc.constantFrom('0', '1', '10', 'a', 'a-b', 'rc');
    const version = fc
      .tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.array(identifier, { maxLength: 3 }))
      .map(([x, y, z, pre]) => `${x}.${y}.${z}${pre.length > 0 ? `-${pre.join('.')}` : ''}`);
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(comparePrecedence(a, b))).toBe(-Math.sign(comparePrecedence(b, a)) + 0);
        if (comparePrecedence(a, b) <= 0 && comparePrecedence(b, c) <= 0) {
          expect(comparePrecedence(a, c)).toBeLessThanOrEqual(0);
        }
      }),
    );
  });
});

const sha = (digit: string) => digit.repeat(64);
const manifest = (change: Partial<Manifest> = {}): Manifest => ({
  schemaVersion: 1,
  model: 'm1',
  version: '1.1.0',
  artifact: { sha256: sha('1'), sizeBytes: 10, format: 'tar' },
  allowDowngrade: false,
  createdAt: '2026-01-01T00:00:00Z',
  ...change,
});
const context = {
  model: 'm1',
  highestConfirmedVersion: '1.1.0',
  running: { version: '1.0.0', sha256: sha('0'), isConfirmed: true },
};

describe('the decision about a signed manifest', () => {
  it.each([
    ['another model', manifest({ model: 'm2', version: '0.1.0' }), 'manifest_model_mismatch'],
    ['a lower version', manifest({ version: '1.1.0-rc.1' }), 'manifest_downgrade_refused'],
  ])('refuses %s', (_name, given, reason) => {
    expect(decideManifest(given, context)).toMatchObject({ kind: 'refuse', reason });
  });

  it.each([
    ['the highest version again', manifest(), context],
    ['an allowed downgrade', manifest({ version: '0.9.0', allowDowngrade: true }), context],
    [
      'the first version',
      manifest({ version: '0.0.1' }),
      { model: 'm1', highestConfirmedVersion: null, running: null },
    ],
  ])('accepts %s', (_name, given, where) => {
    expect(decideManifest(given, where)).toEqual({ kind: 'accept' });
  });

  it('knows what runs already, and refuses other content under the same version', () => {
    const running = { version: '1.1.0', sha256: sha('1'), isConfirmed: true };
    expect(decideManifest(manifest(), { ...context, running })).toEqual({
      kind: 'already_running',
    });
    const other = { ...running, sha256: sha('2') };
    expect(decideManifest(manifest(), { ...context, running: other })).toMatchObject({
      kind: 'refuse',
      reason: 'manifest_invalid',
    });
  });

  it('does not call firmware confirmed that runs without a passed trial, nor writes beside it', () => {
    const running = { version: '1.1.0', sha256: sha('1'), isConfirmed: false };
    for (const given of [manifest(), manifest({ version: '1.2.0' })]) {
      expect(decideManifest(given, { ...context, running })).toEqual({ kind: 'wait' });
    }
  });
});
