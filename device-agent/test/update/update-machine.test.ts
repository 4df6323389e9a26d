import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decideResume,
  MAX_STARTS,
  nextPhase,
  TRANSITIONS,
  UPDATE_PHASES,
  UpdateTransitionError,
  type UpdateEvent,
  type UpdatePhase,
} from '../../src/update/domain/update-machine.ts';

const EVENTS = [
  ...new Set(UPDATE_PHASES.flatMap((phase) => Object.keys(TRANSITIONS[phase]))),
] as UpdateEvent[];
const STATES = ['empty', 'writing', 'written', 'trial', 'good', 'bad'] as const;
const FINAL: readonly UpdatePhase[] = ['CONFIRMED', 'FAILED', 'ROLLED_BACK'];

describe('the update machine', () => {
  it('reaches every phase from IDLE and IDLE from every phase', () => {
    const reach = (from: UpdatePhase): Set<UpdatePhase> => {
      const seen = new Set<UpdatePhase>();
      const open = [from];
      for (let phase = open.pop(); phase !== undefined; phase = open.pop()) {
        for (const next of Object.values(TRANSITIONS[phase])) {
          if (seen.has(next)) continue;
          seen.add(next);
          open.push(next);
        }
      }
      return seen;
    };
    expect([...reach('IDLE')].sort()).toEqual([...UPDATE_PHASES].sort());
    for (const phase of UPDATE_PHASES) expect(reach(phase).has('IDLE')).toBe(true);
  });

  it('refuses every event that a phase does not name', () => {
    for (const phase of UPDATE_PHASES) {
      for (const event of EVENTS) {
        const next = TRANSITIONS[phase][event];
        if (next !== undefined) expect(nextPhase(phase, event)).toBe(next);
        else expect(() => nextPhase(phase, event)).toThrow(UpdateTransitionError);
      }
    }
  });

  it('is never confirmed without a trial, and never written to before it was downloaded', () => {
    const before = (phase: UpdatePhase) =>
      UPDATE_PHASES.filter((from) => Object.values(TRANSITIONS[from]).includes(phase));
    expect(before('INSTALLING')).toEqual(['DOWNLOADING']);
    expect(before('VERIFIED')).toEqual(['INSTALLING']);
    expect(before('ARMED')).toEqual(['VERIFIED']);
    // IDLE: these very bytes were confirmed before.
    expect(before('CONFIRMED')).toEqual(['IDLE', 'VERIFIED', 'ARMED', 'TRIAL']);
  });
});

describe('what a start does with the journal it finds', () => {
  /** `triesLeft` and `isFirst` as the loader has them by then. */
  const target = (state: string, triesLeft = 0, isFirst = true) => ({
    slot: 'b',
    state,
    triesLeft,
    isFirst,
  });
  it.each([
    ['IDLE', null, 'a', { kind: 'operate' }],
    ['DOWNLOADING', target('good'), 'a', { kind: 'operate' }],
    ['INSTALLING', target('writing'), 'a', { kind: 'operate' }],
    ['INSTALLING', target('written'), 'a', { kind: 'operate' }],
    ['VERIFIED', target('written'), 'a', { kind: 'arm' }],
    ['VERIFIED', target('written'), null, { kind: 'arm' }],
    ['VERIFIED', target('trial'), 'b', { kind: 'trial' }],
    ['ARMED', target('trial'), 'b', { kind: 'trial' }],
    ['ARMED', target('trial'), 'a', { kind: 'finish', event: 'booted_other' }],
    ['TRIAL', target('trial'), 'b', { kind: 'trial' }],
    ['TRIAL', target('good'), 'b', { kind: 'finish', event: 'passed' }],
    ['TRIAL', target('trial'), 'a', { kind: 'finish', event: 'booted_other' }],
    ['TRIAL', target('trial'), null, { kind: 'finish', event: 'nothing_bootable' }],
    ['TRIAL', target('bad'), 'a', { kind: 'finish', event: 'booted_other' }],
    // Only the agent has restarted since: the machine still has to.
    ['VERIFIED', target('trial', 3), 'a', { kind: 'reboot' }],
    ['ARMED', target('trial', 1), 'a', { kind: 'reboot' }],
    ['TRIAL', target('trial', 2), 'a', { kind: 'finish', event: 'booted_other' }],
    ['ARMED', target('bad'), 'a', { kind: 'finish', event: 'booted_other' }],
    ['ROLLING_BACK', target('good', 3), 'b', { kind: 'finish', event: 'booted_target' }],
    // The power went before the order was written to the environment, or before the restart.
    ['ROLLING_BACK', target('good', 0, false), 'a', { kind: 'go_back' }],
    ['ROLLING_BACK', target('good', 3), 'a', { kind: 'go_back' }],
    // The loader tried and came back.
    ['ROLLING_BACK', target('good', 0), 'a', { kind: 'finish', event: 'refused' }],
    ['ROLLING_BACK', target('bad'), 'a', { kind: 'finish', event: 'refused' }],
    ['ROLLING_BACK', null, 'a', { kind: 'finish', event: 'refused' }],
    ['ROLLING_BACK', target('good', 3), null, { kind: 'finish', event: 'nothing_bootable' }],
    ['CONFIRMED', target('good'), 'b', { kind: 'finish', event: null }],
    ['FAILED', null, 'a', { kind: 'finish', event: null }],
    ['ROLLED_BACK', target('bad'), 'a', { kind: 'finish', event: null }],
  ] as const)('%s with %o, booted %s', (phase, slot, booted, expected) => {
    const state = slot !== null && slot.slot === booted ? slot.state : 'good';
    const found = booted === null ? null : { slot: booted, state };
    expect(decideResume({ phase, target: slot, booted: found, starts: 0 })).toEqual(expected);
  });

  it.each(['IDLE', 'DOWNLOADING', 'INSTALLING'] as const)(
    'a slot on trial is not operated untested when the journal says %s',
    (phase) => {
      const booted = { slot: 'b', state: 'trial' };
      expect(decideResume({ phase, target: null, booted, starts: 0 })).toEqual({ kind: 'reject' });
    },
  );

  it.each(['VERIFIED', 'ARMED', 'ROLLING_BACK'] as const)(
    'does not ask for ever for a restart that leads elsewhere when the journal says %s',
    (phase) => {
      const booted = { slot: 'a', state: 'good' };
      const slot = target(phase === 'ROLLING_BACK' ? 'good' : 'trial', 3);
      const after = (starts: number) => decideResume({ phase, target: slot, booted, starts }).kind;
      expect(after(MAX_STARTS - 1)).not.toBe('finish');
      expect(after(MAX_STARTS)).toBe('finish');
    },
  );

  it('always knows a way on, and the table agrees with it', () => {
    const observation = fc.record({
      phase: fc.constantFrom(...UPDATE_PHASES),
      target: fc.option(
        fc.record({
          slot: fc.constantFrom('a', 'b'),
          state: fc.constantFrom(...STATES),
          triesLeft: fc.nat(3),
          isFirst: fc.boolean(),
        }),
      ),
      booted: fc.option(
        fc.record({ slot: fc.constantFrom('a', 'b'), state: fc.constantFrom('trial', 'good') }),
      ),
      starts: fc.nat(12),
    });
    fc.assert(
      fc.property(observation, (seen) => {
        const decision = decideResume(seen);
        if (decision.kind === 'trial') expect(nextPhase(seen.phase, 'booted_target')).toBe('TRIAL');
        if (decision.kind === 'operate') expect(seen.booted?.state).not.toBe('trial');
        if (decision.kind === 'arm') expect(nextPhase(seen.phase, 'armed')).toBe('ARMED');
        if (decision.kind !== 'finish') return;
        const end = decision.event === null ? seen.phase : nextPhase(seen.phase, decision.event);
        expect(FINAL).toContain(end);
      }),
    );
  });
});
