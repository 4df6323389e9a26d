import { createLogger } from '@flotilla/service';
import { createDeviceTelemetry } from '../../../../src/telemetry/create-device-telemetry.ts';

/** Follows a log file until it is killed, or stopped by SIGTERM. Arguments: data folder, log file. */
const [dataDir = '', path = ''] = process.argv.slice(2);
const unlimited = { perSecond: 1e9, burst: 1e9 };
const telemetry = await createDeviceTelemetry({
  dataDir,
  deviceId: 'device-1',
  model: 'sensor-a',
  // The discard port: nobody answers, so that everything stays in the queue.
  collectorUrl: 'http://127.0.0.1:9',
  token: 'secret',
  metricsIntervalMs: 60_000,
  logger: createLogger('follower', 'silent'),
  sampling: {
    ratios: { trace: 1, debug: 1, info: 1 },
    keyRate: unlimited,
    bound: unlimited,
    urgentBound: unlimited,
  },
  logSources: { files: [{ paths: [path], format: 'plain', startAt: 'beginning' }] },
  logPollMs: 20,
});
process.once('SIGTERM', () => void telemetry.stop().then(() => process.exit(0)));
