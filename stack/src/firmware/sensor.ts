import { fileURLToPath } from 'node:url';
import { buildBundle, readBundleFolder } from './build-bundle.ts';
import { calibrationTable } from './calibration.ts';

export const SENSOR_MODEL = 'sensor-v1';
export const SENSOR_VERSIONS = ['1.0.0', '1.1.0', '1.2.0'] as const;
export type SensorVersion = (typeof SENSOR_VERSIONS)[number];

/** Every release carries the same factory calibration. */
const CALIBRATION_SEED = 20_261_124;

/** The demo's firmware: 1.0.0, 1.1.0 (adds smoothing), 1.2.0 (crashes about 2.5 s after start). */
export async function buildSensorBundle(version: SensorVersion): Promise<Buffer> {
  const folder = fileURLToPath(new URL(`../../firmware/sensor-${version}`, import.meta.url));
  const files = await readBundleFolder(folder);
  const table = { name: 'calibration.bin', content: calibrationTable(CALIBRATION_SEED) };
  return buildBundle([...files, table]);
}
