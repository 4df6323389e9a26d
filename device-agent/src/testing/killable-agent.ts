// An agent as a process of its own that ends itself with SIGKILL at a named durable write.
import { randomUUID } from 'node:crypto';
import { runService } from '@flotilla/service';
import { DeviceAgent } from '../device-agent.ts';
import { writeThrough, type DurableStep } from '../disk/durable-step.ts';
import { RecordingTelemetry } from './recording-telemetry.ts';
import { testSettings } from './test-settings.ts';

export interface KillableAgentPlan {
  readonly deviceDir: string;
  readonly otaUrl: string;
  readonly pinnedRoot: string;
  readonly firmwarePort: number;
  readonly trialMs: number;
  readonly reportsFile: string;
  /** The first write of this name, before or after it reached the disk. */
  readonly killAt: { readonly name: string; readonly side: 'before' | 'after' } | null;
}

export const PLAN_VARIABLE = 'FLOTILLA_TEST_PLAN';

function killingStep(killAt: NonNullable<KillableAgentPlan['killAt']>): DurableStep {
  const die = () => process.kill(process.pid, 'SIGKILL');
  return async (name, write) => {
    if (name === killAt.name && killAt.side === 'before') die();
    await write();
    if (name === killAt.name) die();
  };
}

if (process.env[PLAN_VARIABLE] !== undefined) {
  const plan = JSON.parse(process.env[PLAN_VARIABLE]) as KillableAgentPlan;
  await runService('killable-agent', async (logger) => {
    const { deviceDir, otaUrl, pinnedRoot, firmwarePort, trialMs, killAt } = plan;
    const agent = await DeviceAgent.start(
      testSettings(deviceDir, { url: otaUrl, pinnedRoot }, { firmwarePort, trialMs }),
      {
        telemetry: new RecordingTelemetry(Date.now, plan.reportsFile),
        logger,
        now: Date.now,
        monotonicNow: () => performance.now(),
        random: Math.random,
        newId: randomUUID,
        step: killAt === null ? writeThrough : killingStep(killAt),
      },
    );
    return { addresses: {}, stop: () => agent.stop() };
  });
}
