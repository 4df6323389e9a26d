import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isFileError } from '../disk/durable-file.ts';
import type { BatteryState } from './domain/battery-decision.ts';

/** `status` of a supply that gains or holds its charge (Linux, sysfs-class-power). */
const CHARGING = new Set(['Charging', 'Full', 'Not charging']);

/**
 * The weakest battery of the system below `folder`, such as /sys/class/power_supply. Batteries of mice
 * and headsets (`scope` Device) do not count.
 */
export async function readBattery(folder: string): Promise<BatteryState> {
  const states: BatteryState[] = [];
  for (const name of await supplies(folder)) {
    const supply = join(folder, name);
    const isBattery = (await attribute(supply, 'type')) === 'Battery';
    if (!isBattery || (await attribute(supply, 'scope')) === 'Device') continue;
    states.push(await readSupply(supply));
  }
  if (states.some(({ kind }) => kind === 'unknown')) return { kind: 'unknown' };
  const level = (state: BatteryState) => (state.kind === 'level' ? state.percent : 0);
  return states.sort((a, b) => level(a) - level(b))[0] ?? { kind: 'none' };
}

async function readSupply(supply: string): Promise<BatteryState> {
  const capacity = await attribute(supply, 'capacity');
  const percent = capacity === null || capacity === '' ? Number.NaN : Number(capacity);
  if (!(percent >= 0 && percent <= 100)) return { kind: 'unknown' };
  const isCharging = CHARGING.has((await attribute(supply, 'status')) ?? '');
  return { kind: 'level', percent, isCharging };
}

async function supplies(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isFileError(error, 'ENOENT')) return [];
    throw error;
  }
}

/** Null when the driver does not offer it or cannot read it just now. */
async function attribute(supply: string, name: string): Promise<string | null> {
  try {
    return (await readFile(join(supply, name), 'utf8')).trim();
  } catch (error) {
    if (isFileError(error)) return null;
    throw error;
  }
}
