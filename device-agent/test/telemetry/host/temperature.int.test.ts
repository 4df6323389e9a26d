import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readTemperatures } from '../../../src/telemetry/host/temperature.ts';

let sysRoot: string;
beforeEach(() => {
  sysRoot = mkdtempSync(join(tmpdir(), 'flotilla-sys-'));
});
afterEach(() => rmSync(sysRoot, { recursive: true }));

function put(path: string, text: string): void {
  const file = join(sysRoot, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

describe('readTemperatures', () => {
  it('is empty on a machine without sensors', async () => {
    expect(await readTemperatures(sysRoot)).toEqual([]);
  });

  it('prefers thermal zones and leaves out what is asleep', async () => {
    put('class/thermal/thermal_zone0/temp', '48312\n');
    put('class/thermal/thermal_zone0/type', 'cpu-thermal\n');
    put('class/thermal/thermal_zone1/type', 'gpu-thermal\n');
    put('class/thermal/cooling_device0/type', 'fan\n');
    put('class/hwmon/hwmon0/temp1_input', '50000\n');
    expect(await readTemperatures(sysRoot)).toEqual([
      { id: 'thermal_zone0', name: 'cpu-thermal', celsius: 48.312 },
    ]);
  });

  it('falls back to hwmon', async () => {
    put('class/hwmon/hwmon1/name', 'k10temp\n');
    put('class/hwmon/hwmon1/temp1_input', '51250\n');
    put('class/hwmon/hwmon1/temp3_input', '-274000\n');
    put('class/hwmon/hwmon1/fan1_input', '900\n');
    put('class/hwmon/hwmon2/temp1_input', '20000\n');
    expect(await readTemperatures(sysRoot)).toEqual([
      { id: 'hwmon1/temp1', name: 'k10temp', celsius: 51.25 },
      { id: 'hwmon2/temp1', name: 'hwmon2/temp1', celsius: 20 },
    ]);
  });
});
