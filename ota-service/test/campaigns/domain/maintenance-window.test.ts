import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WEEKDAYS, type WindowSlot } from '@flotilla/contracts';
import { windowAt } from '../../../src/campaigns/domain/maintenance-window.ts';

const at = (iso: string) => Date.parse(iso);
const ask = (slot: WindowSlot | WindowSlot[], zone: string, iso: string) => {
  const state = windowAt({ slots: [slot].flat() }, zone, at(iso));
  if (state.open) return 'open';
  return state.opensAtMs === null ? 'never' : new Date(state.opensAtMs).toISOString();
};
const night = { from: '22:00', to: '05:00' };

describe('a maintenance window', () => {
  it.each([
    // Berlin is an hour ahead of UTC in winter, two in summer.
    ['2026-01-10T20:59:59.999Z', '2026-01-10T21:00:00.000Z'],
    ['2026-01-10T21:00:00Z', 'open'],
    ['2026-01-11T03:59:59.999Z', 'open'],
    ['2026-01-11T04:00:00Z', '2026-01-11T21:00:00.000Z'],
    ['2026-07-10T20:00:00Z', 'open'],
    ['2026-07-11T03:00:00Z', '2026-07-11T20:00:00.000Z'],
  ])('from 22:00 to 05:00 in Berlin, asked at %s: %s', (iso, expected) => {
    expect(ask(night, 'Europe/Berlin', iso)).toBe(expected);
  });

  it('belongs to the day on which it begins, in the device’s own week', () => {
    const saturday: WindowSlot = { ...night, days: ['sat'] };
    // Sunday 03:00 in Auckland, when it is Saturday 14:00 in UTC.
    expect(ask(saturday, 'Pacific/Auckland', '2026-01-10T14:00:00Z')).toBe('open');
    expect(ask(saturday, 'UTC', '2026-01-10T14:00:00Z')).toBe('2026-01-10T22:00:00.000Z');
    // Monday 03:00 is the night that began on Sunday.
    expect(ask(saturday, 'UTC', '2026-01-12T03:00:00Z')).toBe('2026-01-17T22:00:00.000Z');
  });

  it('opens after the change of the clock at the hour that the wall shows', () => {
    // 29 March 2026, 01:00Z: Berlin goes from 02:00 to 03:00.
    expect(ask({ from: '04:00', to: '05:00' }, 'Europe/Berlin', '2026-03-28T20:00:00Z')).toBe(
      '2026-03-29T02:00:00.000Z',
    );
    expect(ask({ from: '22:00', to: '23:00' }, 'Europe/Berlin', '2026-03-29T00:30:00Z')).toBe(
      '2026-03-29T20:00:00.000Z',
    );
  });

  it('begins with the first hour shown when its own beginning is skipped, and else waits a day', () => {
    expect(ask({ from: '02:30', to: '03:30' }, 'Europe/Berlin', '2026-03-29T00:30:00Z')).toBe(
      '2026-03-29T01:00:00.000Z',
    );
    expect(ask({ from: '02:00', to: '02:30' }, 'Europe/Berlin', '2026-03-29T00:30:00Z')).toBe(
      '2026-03-30T00:00:00.000Z',
    );
  });

  it('is open twice in the hour that is shown twice', () => {
    // 25 October 2026, 01:00Z: Berlin goes from 03:00 back to 02:00.
    const slot = { from: '02:00', to: '03:00' };
    expect(ask(slot, 'Europe/Berlin', '2026-10-25T00:30:00Z')).toBe('open');
    expect(ask(slot, 'Europe/Berlin', '2026-10-25T01:30:00Z')).toBe('open');
    expect(ask(slot, 'Europe/Berlin', '2026-10-25T02:00:00Z')).toBe('2026-10-26T01:00:00.000Z');
    // From 02:30 on it closes at the change and opens again half an hour later.
    const half = { from: '02:30', to: '03:00' };
    expect(ask(half, 'Europe/Berlin', '2026-10-25T01:00:00Z')).toBe('2026-10-25T01:30:00.000Z');
  });

  it('knows zones that change by half an hour, and a day that never was', () => {
    // Lord Howe, 4 October 2026: 02:00 becomes 02:30.
    expect(ask({ from: '02:00', to: '03:00' }, 'Australia/Lord_Howe', '2026-10-03T14:00:00Z')).toBe(
      '2026-10-03T15:30:00.000Z',
    );
    // Samoa had no 30 December 2011, a Friday.
    const friday: WindowSlot = { days: ['fri'], from: '10:00', to: '11:00' };
    expect(ask(friday, 'Pacific/Apia', '2011-12-29T12:00:00Z')).toBe('2012-01-05T20:00:00.000Z');
  });

  it('may fill the day, or touch midnight', () => {
    expect(ask({ from: '00:00', to: '24:00' }, 'Asia/Kathmandu', '2026-01-01T18:15:00Z')).toBe(
      'open',
    );
    expect(ask({ from: '23:00', to: '24:00' }, 'UTC', '2026-01-01T23:59:59Z')).toBe('open');
    expect(ask({ from: '23:00', to: '24:00' }, 'UTC', '2026-01-02T00:00:00Z')).toBe(
      '2026-01-02T23:00:00.000Z',
    );
  });

  const time = fc.tuple(fc.nat(23), fc.nat(59)).map(([h, m]) => `${two(h)}:${two(m)}`);
  const two = (n: number) => String(n).padStart(2, '0');
  const slot = fc
    .record({ from: time, to: time, days: fc.subarray([...WEEKDAYS], { minLength: 1 }) })
    .filter(({ from, to }) => from !== to);
  const zone = fc.constantFrom(
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'Australia/Lord_Howe',
    'Asia/Kathmandu',
    'Pacific/Chatham',
  );
  const moment = fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2027-01-01T00:00:00Z') });

  it('opens exactly when it says so, and not a minute before', () => {
    fc.assert(
      fc.property(
        fc.array(slot, { minLength: 1, maxLength: 3 }),
        zone,
        moment,
        (slots, name, ms) => {
          const state = windowAt({ slots }, name, ms);
          if (state.open || state.opensAtMs === null) return;
          const { opensAtMs } = state;
          expect(opensAtMs).toBeGreaterThan(ms);
          expect(windowAt({ slots }, name, opensAtMs).open).toBe(true);
          expect(windowAt({ slots }, name, opensAtMs - 1).open).toBe(false);
          for (let share = 1; share < 20; share += 1) {
            const between = ms + ((opensAtMs - ms) * share) / 20;
            expect(windowAt({ slots }, name, Math.floor(between)).open).toBe(false);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
