import { describe, expect, it } from 'vitest';
import {
  CONTROL_LOG_E_LIMIT,
  weighControl,
  type CrashedDevice,
  type Stratum,
} from '../../../../src/campaigns/domain/gates/control-gate.ts';
import golden from './golden-vectors.json' with { type: 'json' };

const HOUR_MS = 3_600_000;

const stratum = (devices: number, offered: number, group = 'default'): Stratum => ({
  group,
  devices,
  offeredAtMs: Float64Array.from({ length: offered }, () => 0),
});
const crash = (id: string, over: Partial<CrashedDevice>): CrashedDevice => ({
  id,
  group: 'default',
  offeredAtMs: null,
  updatedCrashAtMs: null,
  otherCrashAtMs: null,
  ...over,
});
const updatedCrash = (id: string, atMs: number, over: Partial<CrashedDevice> = {}) =>
  crash(id, { offeredAtMs: 0, updatedCrashAtMs: atMs, ...over });
const controlCrash = (id: string, atMs: number, over: Partial<CrashedDevice> = {}) =>
  crash(id, { otherCrashAtMs: atMs, ...over });

describe('updated devices beside those that wait', () => {
  it('weigh as the reference does, event by event', () => {
    const { events, start, logE } = golden.logrank;
    const [updated = 0, control = 0] = start;
    const crashed = events
      .split('')
      .map((kind, i) =>
        kind === 'C' ? updatedCrash(`device-${i}`, i + 1) : controlCrash(`device-${i}`, i + 1),
      );
    // The strata hold those that did not crash.
    const updatedOnly = events.split('').filter((kind) => kind === 'C').length;
    const waiting = updated - updatedOnly + control - (events.length - updatedOnly);
    const strata = [stratum(waiting, updated - updatedOnly)];
    for (let seen = 1; seen <= events.length; seen += 1) {
      const later = crashed.slice(seen).map((device) => ({
        ...device,
        // Not crashed yet, and at risk all the same.
        updatedCrashAtMs: null,
        otherCrashAtMs: null,
      }));
      const evidence = weighControl({ strata, crashed: [...crashed.slice(0, seen), ...later] });
      expect(Math.abs(evidence.logE - (logE[seen - 1] ?? NaN))).toBeLessThan(1e-9);
    }
  });

  it('that crash more often are found, with the numbers of both', () => {
    const crashed = [
      ...Array.from({ length: 9 }, (_, i) => updatedCrash(`new-${i}`, 1000 + i)),
      ...Array.from({ length: 3 }, (_, i) => controlCrash(`old-${i}`, 2000 + i)),
    ];
    const evidence = weighControl({ strata: [stratum(32 + 737, 32)], crashed });
    expect(evidence).toMatchObject({
      updated: { devices: 41, crashed: 9 },
      control: { devices: 740, crashed: 3 },
      isBreached: true,
    });
    expect(evidence.peakLogE).toBeGreaterThanOrEqual(CONTROL_LOG_E_LIMIT);
  });

  it('are not blamed for a shock that hits the whole fleet', () => {
    const crashed = Array.from({ length: 400 }, (_, i) =>
      i % 10 === 0 ? updatedCrash(`new-${i}`, 1000 + i) : controlCrash(`old-${i}`, 1000 + i),
    );
    expect(weighControl({ strata: [stratum(600, 60)], crashed }).isBreached).toBe(false);
  });

  it('say nothing without a control, in another group for example', () => {
    const crashed = Array.from({ length: 20 }, (_, i) => updatedCrash(`new-${i}`, 1000 + i));
    const strata = [stratum(30, 30), stratum(5000, 0, 'other')];
    expect(weighControl({ strata, crashed })).toMatchObject({ logE: 0, isBreached: false });
  });

  it('count a device once, and by the version that crashed', () => {
    const twice = crash('a', { otherCrashAtMs: 500, offeredAtMs: 1000, updatedCrashAtMs: 2000 });
    const beforeInstall = crash('b', { offeredAtMs: 1000, otherCrashAtMs: 1500 });
    const evidence = weighControl({ strata: [stratum(100, 10)], crashed: [twice, beforeInstall] });
    expect(evidence).toMatchObject({
      updated: { devices: 12, crashed: 0 },
      control: { devices: 91, crashed: 1 },
    });
  });

  it('keep what was reached: a later look does not take it back', () => {
    const early = Array.from({ length: 12 }, (_, i) => updatedCrash(`new-${i}`, 1000 + i));
    const late = Array.from({ length: 300 }, (_, i) => controlCrash(`old-${i}`, HOUR_MS + i));
    const evidence = weighControl({ strata: [stratum(1000, 40)], crashed: [...early, ...late] });
    expect(evidence.logE).toBeLessThan(evidence.peakLogE);
    expect(evidence.isBreached).toBe(true);
  });
});
