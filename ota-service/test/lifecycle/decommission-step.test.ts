import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DECOMMISSION_STEPS, type DecommissionOptions } from '@flotilla/contracts';
import {
  decideDecommission,
  decommissionOrder,
  type DecommissionState,
} from '../../src/lifecycle/domain/decommission-step.ts';

const state = (over: Partial<DecommissionState> = {}): DecommissionState => ({
  step: 'drain',
  options: { drainMs: 0, wipe: true, wipeTimeoutMs: 60_000, data: 'retain' },
  requestedAtMs: 1000,
  drainedAtMs: null,
  wipedAtMs: null,
  ...over,
});
const options = (over: Partial<DecommissionOptions>) => ({ ...state().options, ...over });

describe('the way out of a device', () => {
  it('revokes at once unless it is given time', () => {
    expect(decideDecommission(state(), 1000)).toMatchObject({ kind: 'do', next: 'revoke' });
    const draining = state({ options: options({ drainMs: 5000 }) });
    expect(decideDecommission(draining, 1000)).toEqual({ kind: 'wait', untilMs: 6000 });
    expect(decideDecommission(draining, 6000)).toMatchObject({ kind: 'do', next: 'revoke' });
    const drained = { ...draining, drainedAtMs: 2000 };
    expect(decideDecommission(drained, 2000)).toMatchObject({ kind: 'do', next: 'revoke' });
  });

  it('waits for the wipe until it is said or the time is over', () => {
    const wiping = state({ step: 'wipe' });
    expect(decideDecommission(wiping, 2000)).toEqual({ kind: 'wait', untilMs: 61_000 });
    expect(decideDecommission(wiping, 61_000)).toMatchObject({ wipe: 'timed_out' });
    const wiped = { ...wiping, wipedAtMs: 3000 };
    expect(decideDecommission(wiped, 3000)).toMatchObject({ wipe: 'acknowledged' });
    const unasked = state({ step: 'wipe', options: options({ wipe: false }) });
    expect(decideDecommission(unasked, 2000)).toMatchObject({ wipe: 'not_asked' });
  });

  it('tells the device what is still to be done', () => {
    expect(decommissionOrder(state({ options: options({ drainMs: 1 }) }))).toBe('drain');
    expect(decommissionOrder(state({ step: 'revoke' }))).toBe('wipe');
    expect(decommissionOrder(state({ step: 'wipe' }))).toBe('wipe');
    expect(decommissionOrder(state({ step: 'wipe', wipedAtMs: 1 }))).toBeNull();
    expect(decommissionOrder(state({ step: 'done' }))).toBeNull();
    expect(
      decommissionOrder(state({ step: 'wipe', options: options({ wipe: false }) })),
    ).toBeNull();
  });

  it('comes to its end from every step, and never goes back', () => {
    const anyState = fc.record({
      step: fc.constantFrom(...DECOMMISSION_STEPS),
      options: fc.record({
        drainMs: fc.nat(1e6),
        wipe: fc.boolean(),
        wipeTimeoutMs: fc.integer({ min: 1000, max: 1e6 }),
        data: fc.constantFrom('retain' as const, 'erase' as const),
      }),
      requestedAtMs: fc.nat(1e6),
      drainedAtMs: fc.option(fc.nat(1e6)),
      wipedAtMs: fc.option(fc.nat(1e6)),
    });
    fc.assert(
      fc.property(anyState, fc.nat(1e6), (begin, startMs) => {
        let current: DecommissionState = begin;
        let nowMs = startMs;
        for (let turns = 0; turns < 20; turns += 1) {
          const decision = decideDecommission(current, nowMs);
          if (decision.kind === 'finished') return;
          if (decision.kind === 'wait') {
            expect(decision.untilMs).toBeGreaterThan(nowMs);
            nowMs = decision.untilMs;
            continue;
          }
          const at = DECOMMISSION_STEPS.indexOf(current.step);
          expect(DECOMMISSION_STEPS.indexOf(decision.next)).toBe(at + 1);
          current = { ...current, step: decision.next };
        }
        expect.unreachable('it never ends');
      }),
    );
  });
});
