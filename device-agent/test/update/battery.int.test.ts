import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decideBattery, type BatteryState } from '../../src/update/domain/battery-decision.ts';
import { readBattery } from '../../src/update/battery.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-power-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function supply(name: string, attributes: Record<string, string>): void {
  mkdirSync(join(folder, name));
  for (const [attribute, value] of Object.entries(attributes)) {
    writeFileSync(join(folder, name, attribute), `${value}\n`);
  }
}

describe('what the kernel says about power', () => {
  it('is no battery where there are no supplies, or only mains and a mouse', async () => {
    expect(await readBattery(join(folder, 'missing'))).toEqual({ kind: 'none' });
    supply('AC', { type: 'Mains', online: '1' });
    supply('hid-mouse', { type: 'Battery', scope: 'Device', capacity: '3' });
    expect(await readBattery(folder)).toEqual({ kind: 'none' });
  });

  it('is the weakest of several batteries', async () => {
    supply('BAT0', { type: 'Battery', capacity: '80', status: 'Full' });
    supply('BAT1', { type: 'Battery', capacity: '30', status: 'Discharging' });
    expect(await readBattery(folder)).toEqual({ kind: 'level', percent: 30, isCharging: false });
  });

  it.each([{}, { capacity: '' }, { capacity: 'full' }, { capacity: '200' }])(
    'is unknown with %o',
    async (attributes) => {
      supply('BAT0', { type: 'Battery', status: 'Discharging', ...attributes });
      expect(await readBattery(folder)).toEqual({ kind: 'unknown' });
    },
  );
});

describe('the decision about a battery', () => {
  const level = (percent: number, isCharging = false): BatteryState => ({
    kind: 'level',
    percent,
    isCharging,
  });
  it.each<[string, { minPercent: number; mustCharge: boolean }, BatteryState, 'go' | 'wait']>([
    ['no battery', { minPercent: 50, mustCharge: true }, { kind: 'none' }, 'go'],
    ['nothing asked of it', { minPercent: 0, mustCharge: false }, { kind: 'unknown' }, 'go'],
    ['no level told', { minPercent: 50, mustCharge: false }, { kind: 'unknown' }, 'wait'],
    ['below', { minPercent: 50, mustCharge: false }, level(49), 'wait'],
    ['enough', { minPercent: 50, mustCharge: false }, level(50), 'go'],
    ['below, charging', { minPercent: 50, mustCharge: false }, level(10, true), 'go'],
    ['full, not charging', { minPercent: 50, mustCharge: true }, level(100), 'wait'],
  ])('%s', (_what, rules, battery, kind) => {
    expect(decideBattery(rules, battery).kind).toBe(kind);
  });
});
