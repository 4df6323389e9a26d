import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  armTarget,
  confirmSlot,
  decideBoot,
  EMPTY_ENVIRONMENT,
  invalidateTarget,
  markUnreadable,
  markWritten,
  rebuildEnvironment,
  rejectTarget,
  renewTries,
  type BootEnvironment,
} from '../../src/slots/domain/boot-decision.ts';
import { otherSlot, SlotTransitionError } from '../../src/slots/domain/slot-state.ts';

const good = (triesLeft: number) => ({ kind: 'good', triesLeft }) as const;
const trial = (triesLeft: number) => ({ kind: 'trial', triesLeft }) as const;

describe('the loader', () => {
  it.each<[string, BootEnvironment, string | null, object | null]>([
    ['nothing written', EMPTY_ENVIRONMENT, null, null],
    ['spends a try', { order: ['b', 'a'], slots: { a: good(3), b: trial(2) } }, 'b', trial(1)],
    ['last try', { order: ['b', 'a'], slots: { a: good(3), b: trial(1) } }, 'b', trial(0)],
    ['trial used up', { order: ['b', 'a'], slots: { a: good(3), b: trial(0) } }, 'a', good(2)],
    [
      'renews the last good',
      { order: ['b', 'a'], slots: { a: good(0), b: trial(0) } },
      'a',
      good(2),
    ],
    [
      'skips half-written',
      { order: ['a', 'b'], slots: { a: { kind: 'writing' }, b: good(1) } },
      'b',
      good(0),
    ],
    [
      'never boots bad',
      { order: ['a', 'b'], slots: { a: { kind: 'bad' }, b: { kind: 'empty' } } },
      null,
      null,
    ],
    [
      'never boots unarmed',
      { order: ['a', 'b'], slots: { a: { kind: 'written' }, b: { kind: 'empty' } } },
      null,
      null,
    ],
    [
      'first install used up',
      { order: ['a', 'b'], slots: { a: trial(0), b: { kind: 'empty' } } },
      null,
      null,
    ],
  ])('%s', (_name, environment, slot, state) => {
    const decision = decideBoot(environment, 3);
    expect(decision.slot).toBe(slot);
    if (decision.slot !== null) expect(decision.next.slots[decision.slot]).toEqual(state);
  });
});

type Move = 'boot' | 'update' | 'confirm' | 'reject' | 'rewrite';

/** What an agent may do, from a device that runs a good slot `a`. */
function play(moves: readonly Move[], tries: number): BootEnvironment[] {
  let environment: BootEnvironment = {
    order: ['a', 'b'],
    slots: { a: good(tries), b: { kind: 'empty' } },
  };
  let running: 'a' | 'b' = 'a';
  const seen = [environment];
  const save = (next: BootEnvironment) => {
    environment = next;
    seen.push(next);
  };
  for (const move of moves) {
    const other = otherSlot(running);
    if (move === 'boot') {
      const decision = decideBoot(environment, tries);
      if (decision.slot === null) throw new Error('brick');
      save(decision.next);
      running = decision.slot;
    } else if (move === 'rewrite' && environment.slots[running].kind === 'good') {
      save(invalidateTarget(environment, other));
    } else if (move === 'update' && environment.slots[running].kind === 'good') {
      save(invalidateTarget(environment, other));
      save(markWritten(environment, other));
      save(armTarget(environment, other, tries));
    } else if (move === 'confirm' && environment.slots[running].kind === 'trial') {
      save(confirmSlot(environment, running, tries));
    } else if (move === 'reject' && environment.slots[other].kind === 'trial') {
      save(rejectTarget(environment, other));
    }
  }
  return seen;
}

describe('whatever happens to a device that has good firmware', () => {
  const moves = fc.array(fc.constantFrom<Move>('boot', 'update', 'confirm', 'reject', 'rewrite'), {
    maxLength: 40,
  });
  const tries = fc.integer({ min: 1, max: 5 });

  it('some good slot is always left, and it is reached within the tries', () => {
    fc.assert(
      fc.property(moves, tries, (list, count) => {
        for (const start of play(list, count)) {
          let environment = start;
          let booted: string | null = null;
          for (let boots = 0; boots <= 2 * count + 1; boots += 1) {
            const decision = decideBoot(environment, count);
            expect(decision.slot).not.toBeNull();
            if (decision.slot === null) return;
            environment = decision.next;
            booted = environment.slots[decision.slot].kind;
            if (booted === 'good') break;
          }
          expect(booted).toBe('good');
        }
      }),
    );
  });

  it('a confirmed slot is never left for the older one, however often it boots', () => {
    const confirmed = confirmSlot(
      { order: ['b', 'a'], slots: { a: good(3), b: trial(1) } },
      'b',
      3,
    );
    let environment = confirmed;
    for (let boots = 0; boots < 20; boots += 1) {
      const decision = decideBoot(environment, 3);
      expect(decision.slot).toBe('b');
      if (decision.slot !== null) environment = decision.next;
    }
  });

  it('an unreadable slot is never chosen again, and the other good one always is', () => {
    const order = fc.constantFrom<BootEnvironment['order']>(['a', 'b'], ['b', 'a']);
    const left = fc.integer({ min: 0, max: 5 });
    fc.assert(
      fc.property(order, left, left, tries, (slots, a, b, count) => {
        const start: BootEnvironment = { order: slots, slots: { a: good(a), b: good(b) } };
        const chosen = decideBoot(start, count);
        if (chosen.slot === null) throw new Error('brick');
        const other = otherSlot(chosen.slot);
        let environment = markUnreadable(chosen.next, chosen.slot);
        for (let boots = 0; boots < 8; boots += 1) {
          const decision = decideBoot(environment, count);
          expect(decision.slot).toBe(other);
          if (decision.slot !== null) environment = decision.next;
        }
        expect(decideBoot(markUnreadable(environment, other), count).slot).toBeNull();
      }),
    );
  });

  it.each([
    ['both slots', 'b', ['a', 'b'], { order: ['b', 'a'], slots: { a: good(0), b: good(3) } }],
    [
      'only the other',
      'b',
      ['a'],
      { order: ['a', 'b'], slots: { a: good(3), b: { kind: 'empty' } } },
    ],
    [
      'one, no link',
      null,
      ['b'],
      { order: ['b', 'a'], slots: { a: { kind: 'empty' }, b: good(3) } },
    ],
    ['neither', 'a', [], null],
  ] as const)('a lost environment is rebuilt around %s', (_name, lastRun, trusted, expected) => {
    expect(rebuildEnvironment(lastRun, trusted, 3)).toEqual(expected);
  });

  it('renewing tries changes nothing else, even while an update is armed', () => {
    const armed: BootEnvironment = { order: ['b', 'a'], slots: { a: good(1), b: trial(3) } };
    expect(renewTries(armed, 'a', 3)).toEqual({
      order: ['b', 'a'],
      slots: { a: good(3), b: trial(3) },
    });
    expect(renewTries(armed, 'b', 3)).toBe(armed);
  });

  it('refuses steps out of order', () => {
    expect(() => armTarget(EMPTY_ENVIRONMENT, 'a', 3)).toThrow(SlotTransitionError);
    expect(() => confirmSlot(EMPTY_ENVIRONMENT, 'a', 3)).toThrow(SlotTransitionError);
    expect(() => markUnreadable(EMPTY_ENVIRONMENT, 'a')).toThrow(SlotTransitionError);
    expect(() =>
      rejectTarget({ order: ['a', 'b'], slots: { a: good(1), b: good(1) } }, 'b'),
    ).toThrow(SlotTransitionError);
  });
});
