import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface TemperatureReading {
  /** Stable while the machine runs, e.g. `thermal_zone0` or `hwmon1/temp2`. */
  readonly id: string;
  /** What the driver calls it, e.g. `cpu-thermal`. */
  readonly name: string;
  readonly celsius: number;
}

/** Sensors that are switched off or broken answer far outside of this. */
const PLAUSIBLE_CELSIUS = { min: -100, max: 250 };

/** Millidegrees Celsius as sysfs writes them; null when empty or not plausible. */
export function parseMillidegrees(text: string): number | null {
  if (!/^-?\d+\s*$/.test(text)) return null;
  const celsius = Number(text) / 1000;
  const { min, max } = PLAUSIBLE_CELSIUS;
  return celsius >= min && celsius <= max ? celsius : null;
}

/**
 * All temperatures the kernel offers: its thermal zones, or the hwmon sensors where there is no
 * zone (Documentation/driver-api/thermal/sysfs-api and Documentation/hwmon/sysfs-interface of
 * Linux). Empty on a machine without sensors.
 */
export async function readTemperatures(sysRoot = '/sys'): Promise<TemperatureReading[]> {
  const zones = await readThermalZones(join(sysRoot, 'class/thermal'));
  return zones.length > 0 ? zones : readHwmon(join(sysRoot, 'class/hwmon'));
}

async function readThermalZones(folder: string): Promise<TemperatureReading[]> {
  const names = (await listFolder(folder)).filter((name) => /^thermal_zone\d+$/.test(name));
  const readings = names.map((id) =>
    readSensor(id, join(folder, id, 'temp'), join(folder, id, 'type')),
  );
  return (await Promise.all(readings)).filter((reading) => reading !== null);
}

async function readHwmon(folder: string): Promise<TemperatureReading[]> {
  const chips = (await listFolder(folder)).filter((name) => /^hwmon\d+$/.test(name));
  const readings = chips.map(async (chip) => {
    const inputs = (await listFolder(join(folder, chip))).filter((n) => /^temp\d+_input$/.test(n));
    return Promise.all(
      inputs.map((input) => {
        const id = `${chip}/${input.replace('_input', '')}`;
        return readSensor(id, join(folder, chip, input), join(folder, chip, 'name'));
      }),
    );
  });
  return (await Promise.all(readings)).flat().filter((reading) => reading !== null);
}

async function readSensor(
  id: string,
  valueFile: string,
  nameFile: string,
): Promise<TemperatureReading | null> {
  const [value, name] = await Promise.all([readOptional(valueFile), readOptional(nameFile)]);
  const celsius = value === null ? null : parseMillidegrees(value);
  return celsius === null ? null : { id, name: name?.trim() ?? id, celsius };
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch {
    // No such folder: a machine without this kind of sensor.
    return [];
  }
}

async function readOptional(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    // A sensor that is asleep answers EAGAIN, ENODATA or EIO; it is left out of this reading.
    return null;
  }
}
