import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decideGarbage,
  type GarbageState,
  type StoredDelta,
  type StoredFirmware,
} from '../../../src/firmware/domain/garbage-decision.ts';

const GRACE_MS = 1000;
const NOW_MS = 100_000;
const OLD_MS = NOW_MS - GRACE_MS;

const firmware = (sha256: string, changes: Partial<StoredFirmware> = {}): StoredFirmware => ({
  id: `fw-${sha256}`,
  state: 'released',
  sha256,
  fullSha256: `${sha256}z`,
  withdrawnAtMs: null,
  ...changes,
});
const withdrawn = (sha256: string, withdrawnAtMs = OLD_MS) =>
  firmware(sha256, { state: 'withdrawn', withdrawnAtMs });
const delta = (baseSha256: string, targetSha256: string, changes: Partial<StoredDelta> = {}) => ({
  baseSha256,
  targetSha256,
  isPending: false,
  sha256: `${baseSha256}>${targetSha256}`,
  ...changes,
});
const stored = (...digests: string[]) =>
  digests.map((sha256) => ({ sha256, sizeBytes: 1, modifiedAtMs: OLD_MS }));
const state = (changes: Partial<GarbageState>): GarbageState => ({
  stored: [],
  firmware: [],
  deltas: [],
  onDevices: new Set(),
  ...changes,
});
const decide = (changes: Partial<GarbageState>) => {
  const decision = decideGarbage(state(changes), GRACE_MS, NOW_MS);
  return {
    ids: decision.firmwareIds,
    deltas: decision.deltas.map(({ sha256 }) => sha256),
    gone: Object.fromEntries(decision.artifacts.map(({ sha256, reason }) => [sha256, reason])),
  };
};

describe('decideGarbage', () => {
  it('keeps drafts and releases in both forms', () => {
    const rows = [firmware('a'), firmware('b', { state: 'draft' })];
    expect(decide({ firmware: rows, stored: stored('a', 'az', 'b', 'bz') }).gone).toEqual({});
  });

  it('gives a withdrawn version up once the grace is over', () => {
    const bytes = stored('a', 'az');
    expect(decide({ firmware: [withdrawn('a', OLD_MS + 1)], stored: bytes }).gone).toEqual({});
    expect(decide({ firmware: [withdrawn('a')], stored: bytes })).toEqual({
      ids: ['fw-a'],
      deltas: [],
      gone: { a: 'withdrawn', az: 'withdrawn' },
    });
  });

  it('keeps the bytes of a withdrawn version that a device has, but not their compressed form', () => {
    const found = decide({
      firmware: [withdrawn('a')],
      stored: stored('a', 'az'),
      onDevices: new Set(['a']),
    });
    expect(found).toEqual({ ids: [], deltas: [], gone: { az: 'withdrawn' } });
  });

  it('keeps bytes that another version shares', () => {
    const rows = [withdrawn('a'), firmware('a', { id: 'fw-2' })];
    expect(decide({ firmware: rows, stored: stored('a', 'az') }).gone).toEqual({});
  });

  it('keeps deltas that a device can use, and both ends of one to be computed', () => {
    const rows = [withdrawn('a'), withdrawn('b'), firmware('c')];
    const pending = delta('b', 'c', { isPending: true, sha256: null });
    const all = [delta('a', 'c'), pending, delta('c', 'a'), delta('b', 'a')];
    const bytes = stored('a', 'b', 'c', 'cz', 'a>c', 'c>a', 'b>a');
    const used = decide({
      firmware: rows,
      deltas: all,
      stored: bytes,
      onDevices: new Set(['a']),
    });
    expect(used.deltas).toEqual(['c>a', 'b>a']);
    expect(used.gone).toEqual({ 'c>a': 'delta_unused', 'b>a': 'delta_unused' });
    const unused = decide({ firmware: rows, deltas: [delta('a', 'c')], stored: bytes });
    expect(unused.deltas).toEqual(['a>c']);
  });

  it('finds what a kill left without a row, but nothing young', () => {
    const young = { sha256: 'y', sizeBytes: 1, modifiedAtMs: OLD_MS + 1 };
    expect(decide({ stored: [...stored('x'), young] }).gone).toEqual({ x: 'unreferenced' });
  });

  it('never removes what a device, a release or a delta to come needs, and rests after one run', () => {
    const digest = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
    const time = fc.integer({ min: OLD_MS - 5, max: OLD_MS + 5 });
    const anyState: fc.Arbitrary<GarbageState> = fc.record({
      stored: fc.uniqueArray(
        fc.record({ sha256: digest, sizeBytes: fc.nat(9), modifiedAtMs: time }),
        {
          selector: ({ sha256 }) => sha256,
        },
      ),
      firmware: fc
        .array(
          fc.record({
            state: fc.constantFrom('draft', 'released', 'withdrawn'),
            sha256: digest,
            fullSha256: digest,
            withdrawnAtMs: time,
          }),
          { maxLength: 6 },
        )
        .map((rows) =>
          rows.map((row, i) => ({
            ...row,
            id: String(i),
            withdrawnAtMs: row.state === 'withdrawn' ? row.withdrawnAtMs : null,
          })),
        ),
      deltas: fc.array(
        fc.record({
          baseSha256: digest,
          targetSha256: digest,
          isPending: fc.boolean(),
          sha256: fc.option(digest),
        }),
        { maxLength: 6 },
      ),
      onDevices: fc.array(digest, { maxLength: 3 }).map((list) => new Set(list)),
    });
    fc.assert(
      fc.property(anyState, (before) => {
        const decision = decideGarbage(before, GRACE_MS, NOW_MS);
        const gone = new Set(decision.artifacts.map(({ sha256 }) => sha256));
        const dropped = new Set(decision.deltas);
        for (const row of before.firmware) {
          if (row.state !== 'withdrawn') {
            expect(gone.has(row.sha256) || gone.has(row.fullSha256)).toBe(false);
          }
          if (before.onDevices.has(row.sha256)) expect(gone.has(row.sha256)).toBe(false);
        }
        const released = new Set(
          before.firmware.filter(({ state: is }) => is !== 'withdrawn').map(({ sha256 }) => sha256),
        );
        for (const row of before.deltas) {
          const wanted =
            released.has(row.targetSha256) &&
            (row.isPending || released.has(row.baseSha256) || before.onDevices.has(row.baseSha256));
          if (!wanted) continue;
          expect(dropped.has(row)).toBe(false);
          if (row.sha256 !== null) expect(gone.has(row.sha256)).toBe(false);
          if (row.isPending) expect(gone.has(row.baseSha256)).toBe(false);
        }
        for (const { modifiedAtMs } of decision.artifacts) {
          expect(modifiedAtMs).toBeLessThanOrEqual(OLD_MS);
        }
        const after: GarbageState = {
          ...before,
          stored: before.stored.filter(({ sha256 }) => !gone.has(sha256)),
          deltas: before.deltas.filter((row) => !dropped.has(row)),
        };
        expect(decideGarbage(after, GRACE_MS, NOW_MS)).toMatchObject({ artifacts: [], deltas: [] });
      }),
    );
  });
});
