import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UPDATE_STATES, isFinal, type UpdateReport } from '@flotilla/contracts';
import { applyReport, type AttemptState } from '../../../src/campaigns/domain/attempt-state.ts';

const offered: AttemptState = {
  state: 'offered',
  reason: null,
  detail: null,
  fromVersion: '1.0.0',
  transferBytes: 0,
  usedDelta: false,
};

const report = (over: Partial<UpdateReport> = {}): UpdateReport => ({
  reportId: '7d9f2f3e-4c0e-4a52-9d3d-3f5a0c4c6f10',
  campaignId: 'cmp_0123456789ab',
  phase: 1,
  round: 1,
  state: 'downloading',
  fromVersion: '1.0.0',
  toVersion: '1.1.0',
  transferBytes: 0,
  usedDelta: false,
  occurredAt: '2026-01-01T00:00:00.000Z',
  ...over,
});

describe('a report', () => {
  it('keeps reason and detail of the failure', () => {
    const next = applyReport(
      offered,
      report({ state: 'rolled_back', reason: 'trial_crashed', detail: 'exit 1' }),
    );
    expect(next).toMatchObject({ state: 'rolled_back', reason: 'trial_crashed', detail: 'exit 1' });
  });

  it.each([
    ['a late lower state', 'trial', 'downloading'],
    ['the same state again', 'trial', 'trial'],
    ['a failure after the confirmation', 'confirmed', 'failed'],
    ['a confirmation after the rollback', 'failed', 'confirmed'],
  ] as const)('of %s changes nothing', (_name, state, next) => {
    expect(applyReport({ ...offered, state }, report({ state: next }))).toBeNull();
  });

  it('in any order and number ends where the first final one led', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...UPDATE_STATES), { maxLength: 12 }), (states) => {
        let current = offered;
        for (const state of states) current = applyReport(current, report({ state })) ?? current;
        const highest = Math.max(0, ...states.map((state) => UPDATE_STATES.indexOf(state)));
        expect(current.state).toBe(states.find(isFinal) ?? UPDATE_STATES[highest]);
      }),
    );
  });
});
