import { readFileSync } from 'node:fs';
import { readPrivateKey } from '@flotilla/signing';
import type { ApiClient } from '../client/api-client.ts';
import { publish } from '../client/publish.ts';
import type { DataFolder } from '../data-folder.ts';
import { buildSensorBundle, SENSOR_MODEL } from '../firmware/sensor.ts';

/** On a new data folder: releases sensor 1.0.0 and starts the campaign that gives it to every device. */
export async function seedFirstFirmware(api: ApiClient, folder: DataFolder): Promise<void> {
  if ((await api.firmwares()).some((firmware) => firmware.model === SENSOR_MODEL)) return;
  const version = '1.0.0';
  const firmware = await publish(
    api,
    { model: SENSOR_MODEL, version, artifact: await buildSensorBundle(version) },
    readPrivateKey(readFileSync(folder.releasePrivateKey, 'utf8')),
  );
  await api.createCampaign({
    name: 'First firmware',
    firmwareId: firmware.id,
    phases: [{ percent: 100 }],
  });
}
