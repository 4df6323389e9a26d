import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIFECYCLE_STATES, LIFECYCLE_TARGETS, type LifecycleState } from '@flotilla/contracts';
import {
  mayBeOffered,
  nextStates,
  stepLifecycle,
} from '../../src/lifecycle/domain/lifecycle-machine.ts';

const clear = { isQuarantined: false };
const inDoubt = { isQuarantined: true };
const state = fc.constantFrom(...LIFECYCLE_STATES);
const target = fc.constantFrom(...LIFECYCLE_TARGETS);

describe('the lifecycle of a device', () => {
  it.each([
    ['provisioned', ['active', 'retired']],
    ['active', ['maintenance', 'retired']],
    ['maintenance', ['active', 'retired']],
    ['retired', []],
  ] as const)('leads from %s to %j', (from, to) => {
    expect(nextStates(from, clear)).toEqual(to);
  });

  it('has no way back from retired, whatever is asked of it', () => {
    fc.assert(
      fc.property(
        state,
        fc.array(target, { maxLength: 6 }),
        fc.boolean(),
        (first, targets, isQuarantined) => {
          let current: LifecycleState = first;
          let wasRetired = false;
          for (const to of targets) {
            const step = stepLifecycle(current, to, { isQuarantined });
            if (step.kind === 'change') current = step.to;
            if (wasRetired) expect(current).toBe('retired');
            wasRetired ||= current === 'retired';
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('leaves every device a way to retirement', () => {
    fc.assert(
      fc.property(state, fc.boolean(), (from, isQuarantined) => {
        const { kind } = stepLifecycle(from, 'retired', { isQuarantined });
        expect(kind).toBe(from === 'retired' ? 'unchanged' : 'change');
      }),
    );
  });

  it('tells why it refuses', () => {
    expect(stepLifecycle('retired', 'active', clear)).toEqual({
      kind: 'refused',
      reason: 'there is no way back from retired',
    });
    expect(stepLifecycle('provisioned', 'maintenance', clear)).toMatchObject({
      reason: 'a device that is provisioned does not become maintenance',
    });
    expect(stepLifecycle('maintenance', 'active', inDoubt)).toMatchObject({
      reason: 'its identity is in quarantine; resolve that first',
    });
  });

  it.each([
    ['provisioned', { campaign: false, campaign_with_maintenance: false, first_firmware: true }],
    ['active', { campaign: true, campaign_with_maintenance: true, first_firmware: true }],
    ['maintenance', { campaign: false, campaign_with_maintenance: true, first_firmware: false }],
    ['retired', { campaign: false, campaign_with_maintenance: false, first_firmware: false }],
  ] as const)('says which updates a device may get that is %s', (from, expected) => {
    for (const kind of ['campaign', 'campaign_with_maintenance', 'first_firmware'] as const) {
      expect(mayBeOffered(from, kind)).toBe(expected[kind]);
    }
  });
});
