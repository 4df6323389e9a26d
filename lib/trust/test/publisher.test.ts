import { createPublicKey, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createRoot,
  draftTargets,
  nextRoot,
  readMetadata,
  signatureStatus,
  toDocument,
  TrustError,
  verifyNextRoot,
  verifyNextTargets,
  withRelease,
  writeMetadata,
  type RoleKeys,
} from '../src/index.ts';
import { newKey, signedByAll, targetOf } from '../src/testing/index.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const LATER_MS = NOW_MS + 86_400_000;

const keys = Array.from({ length: 5 }, newKey);
const strangers = Array.from({ length: 3 }, newKey);
const online = newKey();
const some = fc.array(fc.nat(keys.length - 1), { maxLength: 8 });
const foreign = fc.array(fc.nat(strangers.length - 1), { maxLength: 4 });
const threshold = fc.integer({ min: 1, max: keys.length });

const roleOf = (of: readonly KeyObject[], needs: number): RoleKeys => ({
  keys: of.map((key) => createPublicKey(key)),
  threshold: needs,
});
const pick = (of: readonly KeyObject[], at: readonly number[]) => at.map((index) => of[index]!);
function rootWith(needs: number, rootKeys: readonly KeyObject[] = keys) {
  const role = roleOf(rootKeys, needs);
  const only = roleOf([online], 1);
  return createRoot(
    { root: role, targets: roleOf(keys, needs), snapshot: only, timestamp: only },
    LATER_MS,
  );
}
const faultOf = (work: () => void): string | null => {
  try {
    work();
    return null;
  } catch (error) {
    if (error instanceof TrustError) return error.fault;
    throw error;
  }
};

describe('a threshold', () => {
  it('is met by different keys of the role alone', () => {
    fc.assert(
      fc.property(threshold, some, foreign, (needs, signers, others) => {
        const root = rootWith(needs);
        const signatures = [...pick(keys, signers), ...pick(strangers, others)];
        const targets = signedByAll(draftTargets(null, LATER_MS), signatures);
        const distinct = new Set(signers).size;
        const status = signatureStatus(root, 'targets', targets);
        expect(status.signedBy).toHaveLength(distinct);
        expect(status.isMet).toBe(distinct >= needs);
        const fault = faultOf(() => verifyNextTargets(root, null, targets, NOW_MS));
        expect(fault).toBe(distinct >= needs ? null : 'metadata_signature_invalid');
      }),
      { numRuns: 20 },
    );
  });

  it('is not met by one signature written twice, nor under the name of another key', () => {
    const root = rootWith(2);
    const document = toDocument(signedByAll(draftTargets(null, LATER_MS), keys.slice(0, 1)));
    const [signature] = document.signatures;
    const renamed = Object.keys(root.signed.keys).map((keyid) => ({ ...signature, keyid }));
    for (const signatures of [[signature, signature], renamed]) {
      const text = JSON.stringify({ ...document, signatures });
      const fault = faultOf(() =>
        verifyNextTargets(root, null, readMetadata('targets', text), NOW_MS),
      );
      expect(fault).toMatch(/^metadata_(signature_)?invalid$/);
    }
  });

  it('is over the content: a change after signing voids every signature', () => {
    const root = rootWith(1);
    const signed = signedByAll(draftTargets(null, LATER_MS), keys);
    const target = targetOf(Buffer.from('x'), { version: '1.0.0' });
    const changed = toDocument(withRelease(signed, target));
    const forged = JSON.stringify({ ...changed, signatures: toDocument(signed).signatures });
    const fault = faultOf(() =>
      verifyNextTargets(root, null, readMetadata('targets', forged), NOW_MS),
    );
    expect(fault).toBe('metadata_signature_invalid');
  });
});

describe('a version', () => {
  it('of targets is exactly one above the one before', () => {
    const root = rootWith(1);
    const versioned = (version: number) => {
      const { signed } = toDocument(draftTargets(null, LATER_MS));
      const text = JSON.stringify({ signed: { ...signed, version }, signatures: [] });
      return signedByAll(readMetadata('targets', text), keys);
    };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 42 }), (a, b) => {
        const fault = faultOf(() => verifyNextTargets(root, versioned(a), versioned(b), NOW_MS));
        expect(fault).toBe(b === a + 1 ? null : 'metadata_rollback');
      }),
      { numRuns: 20 },
    );
    expect(draftTargets(versioned(7), LATER_MS).signed.version).toBe(8);
  });
});

describe('a chain of roots', () => {
  it('goes on only with the thresholds of the old keys and of the new ones', () => {
    fc.assert(
      fc.property(threshold, some, foreign, (needs, old, fresh) => {
        const first = signedByAll(rootWith(needs), keys);
        const newKeys = roleOf(strangers, 2);
        const next = signedByAll(nextRoot(first, { root: newKeys }, LATER_MS), [
          ...pick(keys, old),
          ...pick(strangers, fresh),
        ]);
        expect(next.signed.version).toBe(2);
        const isGood = new Set(old).size >= needs && new Set(fresh).size >= 2;
        const fault = faultOf(() => verifyNextRoot(first, next, NOW_MS));
        expect(fault).toBe(isGood ? null : 'metadata_signature_invalid');
      }),
      { numRuns: 10 },
    );
  });

  it('skips no version and ends in no expired one', () => {
    const first = signedByAll(rootWith(1), keys);
    const second = signedByAll(nextRoot(first, {}, LATER_MS), keys);
    const third = signedByAll(nextRoot(second, {}, LATER_MS), keys);
    expect(faultOf(() => verifyNextRoot(first, third, NOW_MS))).toBe('metadata_rollback');
    expect(faultOf(() => verifyNextRoot(second, second, NOW_MS))).toBe('metadata_rollback');
    expect(faultOf(() => verifyNextRoot(first, second, LATER_MS + 1))).toBe('metadata_expired');
  });

  it('has no root that could never be followed, or lets ota-service sign releases', () => {
    expect(faultOf(() => rootWith(6))).toBe('metadata_invalid');
    expect(faultOf(() => rootWith(2, [keys[0]!, keys[0]!]))).toBe('metadata_invalid');
    expect(faultOf(() => rootWith(1, [online]))).toBe('metadata_invalid');
    expect(readMetadata('root', writeMetadata(rootWith(5))).signed.version).toBe(1);
  });
});
