import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decideMaintenance,
  parseWindows,
  WindowSyntaxError,
} from '../../src/update/domain/maintenance-window.ts';

const at = (text: string) => Date.parse(text);
const decide = (text: string, now: string, timeZone = 'UTC') =>
  decideMaintenance({ windows: parseWindows(text), timeZone }, at(now));

describe('a maintenance window', () => {
  it('is always open when none is given', () => {
    expect(decide('', '2026-03-04T12:00:00Z')).toEqual({ kind: 'go' });
  });

  // 2026-03-04 is a Wednesday.
  it.each([
    ['02:00-04:00', '2026-03-04T02:00:00Z'],
    ['02:00-04:00', '2026-03-04T03:59:59Z'],
    ['Mon-Fri 22:00-05:00', '2026-03-04T23:00:00Z'],
    ['Mon-Fri 22:00-05:00', '2026-03-07T04:59:00Z'],
    ['Sat-Mon 00:00-24:00', '2026-03-08T12:00:00Z'],
    ['01:00-02:00; 12:00-13:00', '2026-03-04T12:30:00Z'],
    ['Wed 00:00-00:00', '2026-03-04T23:59:00Z'],
  ])('%s is open at %s', (text, now) => {
    expect(decide(text, now)).toEqual({ kind: 'go' });
  });

  it.each([
    ['02:00-04:00', '2026-03-04T04:00:00Z', '2026-03-05T02:00:00Z'],
    ['02:00-04:00', '2026-03-04T01:59:30Z', '2026-03-04T02:00:00Z'],
    ['Mon-Fri 22:00-05:00', '2026-03-07T05:00:00Z', '2026-03-09T22:00:00Z'],
    ['Wed 02:00-03:00', '2026-03-04T03:00:00Z', '2026-03-11T02:00:00Z'],
    ['Sun 10:00-11:00; Thu 03:00-04:00', '2026-03-04T12:00:00Z', '2026-03-05T03:00:00Z'],
  ])('%s is closed at %s and opens at %s', (text, now, opens) => {
    expect(decide(text, now)).toMatchObject({ kind: 'wait', untilMs: at(opens) });
  });

  it('is in the local time of its zone, summer time included', () => {
    const open = (now: string) => decide('02:00-04:00', now, 'Europe/Berlin').kind;
    expect(open('2026-01-10T01:30:00Z')).toBe('go');
    expect(open('2026-07-10T01:30:00Z')).toBe('go');
    expect(open('2026-07-10T00:30:00Z')).toBe('go');
    expect(open('2026-01-10T00:30:00Z')).toBe('wait');
  });

  it('is open at the moment it names as its next opening, whatever the windows', () => {
    const clock = fc.integer({ min: 0, max: 1439 });
    const window = fc.record({
      days: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1 }),
      startMinute: clock,
      endMinute: clock,
    });
    fc.assert(
      fc.property(
        fc.array(window, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2027-01-01T00:00:00Z') }),
        (windows, nowMs) => {
          const decision = decideMaintenance({ windows, timeZone: 'UTC' }, nowMs);
          if (decision.kind === 'go' || decision.untilMs === null) return;
          expect(decision.untilMs).toBeGreaterThan(nowMs - 60_000);
          const then = decideMaintenance({ windows, timeZone: 'UTC' }, decision.untilMs);
          expect(then).toEqual({ kind: 'go' });
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each(['25:00-26:00', 'Someday 02:00-03:00', '2:00-3:00', 'Mon 02:00', '02:70-03:00'])(
    'is refused when it reads %s',
    (text) => {
      expect(() => parseWindows(text)).toThrow(WindowSyntaxError);
    },
  );
});
