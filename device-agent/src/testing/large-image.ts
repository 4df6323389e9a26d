import { spawn } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestFile } from '../disk/file-digest.ts';
import type { ImageSettings } from '../update-settings.ts';
import { FakeOtaServer } from './fake-ota-server.ts';
import { generateImage } from './generated-image.ts';
import { IMAGE_PLAN_VARIABLE, type ImageAgentPlan, type ImageAgentUsage } from './image-agent.ts';

export interface LargeImageResult {
  readonly usage: ImageAgentUsage;
  readonly servedBytes: number;
  /** Whether the slot holds exactly the image. */
  readonly isIntact: boolean;
}

const AGENT = fileURLToPath(new URL('./image-agent.ts', import.meta.url));
const ENVIRONMENT_BYTES = 4096;

/** An image of `sizeBytes` from a server through an agent of its own process into a slot, below `folder`. */
export async function takeLargeImage(folder: string, sizeBytes: number): Promise<LargeImageResult> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'served.zst');
  const { image, served } = await generateImage(file, sizeBytes);
  const server = await FakeOtaServer.start();
  try {
    const transfer = { path: `/device/v1/blobs/${served.sha256}`, ...served, file };
    server.offer = server.imageDeployment('2.0.0', image, transfer);
    const settings = prepareSlots(folder, sizeBytes);
    const usageFile = join(folder, 'usage.json');
    const { url, pinnedRoot } = server;
    await runAgent({ deviceDir: folder, url, pinnedRoot, image: settings, usageFile });
    const slot = await digestFile(settings.devices.b);
    const usage = JSON.parse(readFileSync(usageFile, 'utf8')) as ImageAgentUsage;
    return { usage, servedBytes: served.sizeBytes, isIntact: slot.sha256 === image.sha256 };
  } finally {
    await server.stop();
  }
}

/** Slots of exactly the image's size, the first of which is said to run. */
function prepareSlots(folder: string, sizeBytes: number): ImageSettings {
  const devices = { a: join(folder, 'slot-a'), b: join(folder, 'slot-b') };
  for (const path of [devices.a, devices.b]) {
    const file = openSync(path, 'w');
    ftruncateSync(file, sizeBytes);
    closeSync(file);
  }
  const copy = (name: string) => ({ path: join(folder, name), offsetBytes: 0 });
  return {
    devices,
    booted: 'a',
    factoryVersion: '1.0.0',
    environment: {
      loader: 'uboot',
      locations: [copy('env-1'), copy('env-2')],
      sizeBytes: ENVIRONMENT_BYTES,
    },
    rebootCommand: [],
    health: null,
  };
}

async function runAgent(plan: ImageAgentPlan): Promise<void> {
  const env = { ...process.env, [IMAGE_PLAN_VARIABLE]: JSON.stringify(plan) };
  const child = spawn(process.execPath, [AGENT], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  if (code !== 0) throw new Error(`the agent ended with ${code ?? 'a signal'}`);
}
