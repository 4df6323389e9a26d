import type { KeyObject } from 'node:crypto';
import type { CampaignView, DeltaView, FirmwareView } from '@flotilla/contracts';
import type { ApiClient } from '../client/api-client.ts';
import { publish } from '../client/publish.ts';
import { buildSensorBundle, SENSOR_MODEL, type SensorVersion } from '../firmware/sensor.ts';
import type { FleetMember } from '../fleet/agents.ts';
import { waitUntil } from './wait-until.ts';

export interface StoryStage {
  readonly api: ApiClient;
  readonly members: readonly FleetMember[];
  readonly targetsKey: KeyObject;
  readonly say: (text: string) => void;
  /** How long any one step may take. */
  readonly stepTimeoutMs: number;
}

export interface StoryResult {
  readonly firmware: Readonly<Record<SensorVersion, FirmwareView>>;
  readonly campaigns: Readonly<Record<SensorVersion, CampaignView>>;
  readonly delta: DeltaView;
}

/** Called as the story reaches a point, e.g. to kill a process there. */
export type StoryHook = (
  point: 'first-firmware' | 'second-firmware' | 'third-firmware',
) => Promise<void>;

/**
 * The product's main story on a running stack: a first firmware for everyone, a good update in
 * phases by delta, then a bad one that must pause by itself at the canary.
 */
export async function playStory(stage: StoryStage, hook?: StoryHook): Promise<StoryResult> {
  const first = await release(stage, '1.0.0');
  const firstCampaign = await campaign(stage, first, [100]);
  await hook?.('first-firmware');
  const firstDone = await untilStatus(stage, firstCampaign, 'completed');
  await allRun(stage, '1.0.0');

  const second = await release(stage, '1.1.0');
  const delta = await readyDelta(stage, second, first.sha256);
  const secondCampaign = await campaign(stage, second, [1, 10, 100]);
  await hook?.('second-firmware');
  const secondDone = await untilStatus(stage, secondCampaign, 'completed');
  await allRun(stage, '1.1.0');

  const third = await release(stage, '1.2.0');
  await readyDelta(stage, third, second.sha256);
  const thirdCampaign = await campaign(stage, third, [1, 10, 100]);
  await hook?.('third-firmware');
  const paused = await untilStatus(stage, thirdCampaign, 'paused');
  await allRun(stage, '1.1.0');
  return {
    firmware: { '1.0.0': first, '1.1.0': second, '1.2.0': third },
    campaigns: { '1.0.0': firstDone, '1.1.0': secondDone, '1.2.0': paused },
    delta,
  };
}

async function release(stage: StoryStage, version: SensorVersion): Promise<FirmwareView> {
  const artifact = await buildSensorBundle(version);
  const firmware = await publish(
    stage.api,
    { model: SENSOR_MODEL, version, artifact },
    stage.targetsKey,
  );
  stage.say(`published ${SENSOR_MODEL} ${version} (${firmware.fullTransferBytes} bytes in full)`);
  return firmware;
}

async function readyDelta(
  stage: StoryStage,
  firmware: FirmwareView,
  baseSha256: string,
): Promise<DeltaView> {
  const delta = await waitUntil('the delta', stage.stepTimeoutMs, async () => {
    const { deltas } = await stage.api.firmware(firmware.id);
    return deltas.find((d) => d.baseSha256 === baseSha256 && d.state !== 'pending') ?? null;
  });
  stage.say(`delta ${delta.baseVersion} -> ${firmware.version}: ${String(delta.sizeBytes)} bytes`);
  return delta;
}

async function campaign(
  stage: StoryStage,
  firmware: FirmwareView,
  percents: readonly number[],
): Promise<CampaignView> {
  const view = await stage.api.createCampaign({
    name: `Sensor ${firmware.version}`,
    firmwareId: firmware.id,
    phases: percents.map((percent) => ({ percent })),
    errorThreshold: 0.05,
    minSample: 10,
    deadlineMs: 120_000,
  });
  stage.say(`campaign ${view.name}: ${percents.map((p) => `${p} %`).join(' -> ')}`);
  return view;
}

/** Follows a campaign and tells each change of phase or verdict, until it ends as expected. */
async function untilStatus(
  stage: StoryStage,
  started: CampaignView,
  wanted: 'completed' | 'paused',
): Promise<CampaignView> {
  let told = '';
  const progress = (view: CampaignView) => {
    const phase = view.phases.find((p) => p.phase === view.currentPhase);
    const line = `  phase ${view.currentPhase} of ${view.phases.length} (${String(phase?.devices)} devices): ${view.verdict?.words ?? 'not judged yet'}`;
    if (line !== told) stage.say(line);
    told = line;
  };
  const ended = await waitUntil(
    `campaign ${started.name} ${wanted}`,
    stage.stepTimeoutMs,
    async () => {
      const view = await stage.api.campaign(started.id);
      progress(view);
      return view.status === 'running' ? null : view;
    },
  );
  if (ended.status !== wanted) {
    throw new Error(`campaign ${ended.name} is ${ended.status}: ${ended.verdict?.words ?? ''}`);
  }
  stage.say(`  ${ended.status}`);
  return ended;
}

/** Asks the running firmware itself, not the registry. */
async function allRun(stage: StoryStage, version: string): Promise<void> {
  await waitUntil(`every device runs ${version}`, stage.stepTimeoutMs, async () => {
    const versions = await Promise.all(stage.members.map((m) => runningVersion(m.firmwareUrl)));
    return versions.every((v) => v === version) ? versions : null;
  });
  stage.say(`  all ${stage.members.length} devices answer as ${version}`);
}

export async function runningVersion(firmwareUrl: string): Promise<string | null> {
  try {
    const response = await fetch(firmwareUrl, { signal: AbortSignal.timeout(2000) });
    const answer = (await response.json()) as { version?: unknown };
    return typeof answer.version === 'string' ? answer.version : null;
  } catch {
    // A device between two slots does not answer; the caller looks again.
    return null;
  }
}
