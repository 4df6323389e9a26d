import type { TrustView } from '@flotilla/contracts';
import { describe, expect, it } from 'vitest';
import { signStateOf } from '../../src/firmware/sign-state.ts';
import { storyFleet } from '../../src/testing/fake-fleet.ts';

const { firmware, trust } = storyFleet(0);
const version = (name: string) => firmware.find((item) => item.version === name)!;

describe('signStateOf', () => {
  it('counts the signatures of what devices may trust', () => {
    expect(signStateOf(version('1.3.0'), trust)).toMatchObject({
      kind: 'signed',
      signatures: 2,
      threshold: 2,
      targetsVersion: 4,
    });
  });

  it('says how many a staged one still needs', () => {
    expect(signStateOf(version('1.4.0'), trust)).toEqual({
      kind: 'staged',
      signatures: 1,
      threshold: 2,
    });
  });

  it('does not take the same name with other bytes for signed', () => {
    const other = {
      ...version('1.3.0'),
      target: { ...version('1.3.0').target, sha256: '0'.repeat(64) },
    };
    expect(signStateOf(other, trust)).toEqual({ kind: 'not_staged' });
  });

  it('finds nothing before the first release, and nothing to sign in what was withdrawn', () => {
    const empty: TrustView = { ...trust, targets: null, staged: { root: null, targets: null } };
    expect(signStateOf(version('1.3.0'), empty)).toEqual({ kind: 'not_staged' });
    expect(signStateOf({ ...version('1.3.0'), state: 'withdrawn' }, trust)).toBeNull();
  });
});
