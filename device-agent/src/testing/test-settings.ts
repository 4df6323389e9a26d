import { DEFAULT_TUNING, type AgentSettings, type AgentTuning } from '../agent-settings.ts';
import { DEFAULT_UPDATE_SETTINGS } from '../update-settings.ts';
import { TEST_MODEL, TEST_TOKEN, type FakeOtaServer } from './fake-ota-server.ts';

/** Everything in a tenth of a second instead of half a minute. */
export const FAST_TUNING: AgentTuning = {
  ...DEFAULT_TUNING,
  networkBackOff: { baseMs: 10, maxMs: 50 },
  restartBackOff: { baseMs: 10, maxMs: 50 },
  minPollMs: 1,
  maxFruitlessTries: 3,
  minStartMs: 5_000,
  probeIntervalMs: 50,
  stopGraceMs: 1_000,
};

export function testSettings(
  deviceDir: string,
  server: Pick<FakeOtaServer, 'url' | 'pinnedRoot'>,
  overrides: Partial<AgentSettings> = {},
): AgentSettings {
  return {
    deviceDir,
    model: TEST_MODEL,
    token: TEST_TOKEN,
    otaUrl: server.url,
    pinnedRoot: server.pinnedRoot,
    firmwarePort: 1,
    path: '/usr/bin:/bin',
    trialMs: 100,
    trialBoots: 3,
    pollMs: 50,
    update: DEFAULT_UPDATE_SETTINGS,
    image: null,
    tuning: FAST_TUNING,
    ...overrides,
  };
}
