import { readFileSync } from 'node:fs';
import { readPrivateKey } from '@flotilla/signing';
import type { ApiClient } from '../client/api-client.ts';
import { publish } from '../client/publish.ts';
import type { DataFolder } from '../data-folder.ts';
import { buildSensorBundle, SENSOR_MODEL } from '../firmware/sensor.ts';

/**
 * Releases sensor 1.0.0 and starts the campaign that gives it to every device, unless the data folder
 * has them. Each step looks for itself, so that a start cut off between two of them is made good.
 */
export async function seedFirstFirmware(api: ApiClient, folder: DataFolder): Promise<void> {
  const version = '1.0.0';
  const firmwares = await api.firmwares();
  const ofModel = firmwares.filter((firmware) => firmware.model === SENSOR_MODEL);
  const released = ofModel.find((f) => f.version === version && f.state === 'released');
  const firmware =
    released ??
    (await publish(
      api,
      { model: SENSOR_MODEL, version, artifact: await buildSensorBundle(version) },
      readPrivateKey(readFileSync(folder.targetsKey, 'utf8')),
    ));
  if ((await api.campaigns()).some((campaign) => campaign.model === SENSOR_MODEL)) return;
  await api.createCampaign({
    name: 'First firmware',
    firmwareId: firmware.id,
    phases: [{ percent: 100 }],
  });
}
