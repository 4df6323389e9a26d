import { describe, expect, it } from 'vitest';
import { chooseTransfer } from '../../src/devices/domain/choose-transfer.ts';

const delta = { sha256: 'd', sizeBytes: 7, codec: 'flotilla-delta-2' };
const RELEASED_MS = 1_000_000;

describe('chooseTransfer', () => {
  it.each([
    ['pending, just released', { state: 'pending' }, 0, { kind: 'wait' }],
    ['pending, a moment before the limit', { state: 'pending' }, 119_999, { kind: 'wait' }],
    ['pending, at the limit', { state: 'pending' }, 120_000, { kind: 'full' }],
    ['none', { state: 'none' }, 0, { kind: 'full' }],
    ['ready', { state: 'ready', ...delta }, 0, { kind: 'delta', ...delta }],
    ['ready, long after', { state: 'ready', ...delta }, 1e9, { kind: 'delta', ...delta }],
  ] as const)('%s', (_what, status, afterMs, expected) => {
    expect(chooseTransfer(status, RELEASED_MS, RELEASED_MS + afterMs)).toEqual(expected);
  });
});
