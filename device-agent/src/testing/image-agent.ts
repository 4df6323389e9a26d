// An agent with image slots as a process of its own, up to the reboot into a new image.
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { pino } from 'pino';
import { DeviceAgent } from '../device-agent.ts';
import { DEFAULT_UPDATE_SETTINGS, type ImageSettings } from '../update-settings.ts';
import { RecordingTelemetry } from './recording-telemetry.ts';
import { FAST_TUNING, testSettings } from './test-settings.ts';

export interface ImageAgentPlan {
  readonly deviceDir: string;
  readonly url: string;
  readonly pinnedRoot: string;
  readonly image: ImageSettings;
  /** Gets what the process used, as ImageAgentUsage. */
  readonly usageFile: string;
}

export interface ImageAgentUsage {
  /** Resident memory once the agent runs and before it has an offer. */
  readonly idleRssBytes: number;
  readonly peakRssBytes: number;
  readonly cpuMs: number;
  readonly elapsedMs: number;
}

export const IMAGE_PLAN_VARIABLE = 'FLOTILLA_TEST_IMAGE_PLAN';

/** VmHWM of proc(5): what a sampler could miss is in it. */
async function peakRssBytes(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

if (process.env[IMAGE_PLAN_VARIABLE] !== undefined) {
  const plan = JSON.parse(process.env[IMAGE_PLAN_VARIABLE]) as ImageAgentPlan;
  const { deviceDir, url, pinnedRoot, image, usageFile } = plan;
  const idleRssBytes = process.memoryUsage.rss();
  const startedAtMs = performance.now();
  const settings = {
    image,
    update: DEFAULT_UPDATE_SETTINGS,
    tuning: { ...FAST_TUNING, stallTimeoutMs: 60_000 },
  };
  await DeviceAgent.start(testSettings(deviceDir, { url, pinnedRoot }, settings), {
    telemetry: new RecordingTelemetry(),
    logger: pino({ level: 'warn' }, process.stderr),
    now: Date.now,
    monotonicNow: () => performance.now(),
    random: Math.random,
    newId: randomUUID,
    reboot: async () => {
      const { user, system } = process.cpuUsage();
      const usage: ImageAgentUsage = {
        idleRssBytes,
        peakRssBytes: await peakRssBytes(),
        cpuMs: (user + system) / 1000,
        elapsedMs: performance.now() - startedAtMs,
      };
      writeFileSync(usageFile, JSON.stringify(usage));
      process.exit(0);
    },
  });
}
