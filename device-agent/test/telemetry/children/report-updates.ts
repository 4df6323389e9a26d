import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { createLogger } from '@flotilla/service';
import { createDeviceTelemetry } from '../../../src/telemetry/create-device-telemetry.ts';

/** Records update reports until it is killed; prints each report's id once the call resolved. */
const [dataDir = ''] = process.argv.slice(2);
const telemetry = await createDeviceTelemetry({
  dataDir,
  deviceId: 'device-1',
  model: 'sensor-a',
  // The discard port: nobody answers.
  collectorUrl: 'http://127.0.0.1:9',
  token: 'secret',
  metricsIntervalMs: 50,
  logger: createLogger('child', 'silent'),
});
for (;;) {
  const reportId = randomUUID();
  await telemetry.recordUpdate({
    reportId,
    campaignId: 'cmp_0123456789ab',
    phase: 1,
    round: 1,
    state: 'confirmed',
    fromVersion: null,
    toVersion: '1.0.0',
    transferBytes: 1,
    usedDelta: false,
    occurredAt: new Date().toISOString(),
  });
  writeSync(1, `${reportId}\n`);
  // Lets timers and the sender have their turn between reports.
  await new Promise(setImmediate);
}
