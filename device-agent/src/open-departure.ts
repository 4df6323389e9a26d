import type { Logger } from '@flotilla/service';
import type { AgentSettings } from './agent-settings.ts';
import type { DeviceAccess } from './device-access.ts';
import { OtaClient } from './ota/ota-client.ts';
import { Departure } from './provisioning/departure.ts';
import type { DeviceTelemetry } from './telemetry/device-telemetry.ts';

export interface DepartureParts {
  readonly settings: AgentSettings;
  readonly access: DeviceAccess;
  readonly telemetry: Pick<DeviceTelemetry, 'flush' | 'pendingBatches'>;
  readonly stopAgent: () => Promise<void>;
  readonly logger: Logger;
}

/** How this agent leaves when it is told to. */
export function openDeparture(parts: DepartureParts): Departure {
  const { settings, access, telemetry, stopAgent, logger } = parts;
  const client = new OtaClient({
    baseUrl: access.otaUrl,
    token: access.token,
    requestTimeoutMs: settings.tuning.requestTimeoutMs,
    now: Date.now,
    ...(access.fetch !== undefined && { fetch: access.fetch }),
  });
  return new Departure({
    deviceDir: settings.deviceDir,
    // A refusal means that nobody waits for the answer any more.
    report: async (done, signal) => (await client.reportDeparture(done, signal)).kind !== 'retry',
    drain: async () => {
      await telemetry.flush();
      return telemetry.pendingBatches() === 0;
    },
    stopAgent,
    removeCredentials: () => access.destroy(),
    random: Math.random,
    logger,
  });
}
