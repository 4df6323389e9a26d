// Cuts the power of a device at every durable write of an update, before, within and after it, at random
// bytes of the slot, and twice in a row; then kills real agent processes at random moments. Over both slot
// backends and both boot loaders' environments; prints which step ended how.
import { randomBytes } from 'node:crypto';
import {
  playMatrix,
  type MatrixCell,
} from '@flotilla/device-agent/src/testing/power-cut/cut-matrix.ts';
import {
  artifactOf,
  DEVICE_KINDS,
  type Artifact,
  type DeviceKind,
} from '@flotilla/device-agent/src/testing/power-cut/simulated-machine.ts';
import {
  STORY_ENDS,
  type StoryEnd,
} from '@flotilla/device-agent/src/testing/power-cut/update-story.ts';
import { firmwareBundle } from '@flotilla/device-agent/src/testing/test-bundle.ts';
import { atLeast, atMost, type BenchResult } from './harness/bench.ts';
import { describeMachine } from './harness/machine.ts';
import { uniform } from './harness/random.ts';
import { formatTable } from './harness/table.ts';
import { playKills } from './power-cuts/process-kills.ts';

const SEED = 20261124;
/** Of each scenario, beside a cut at each write. */
const BYTES = 15;
const PAIRS = 10;
/** Of each backend. */
const KILLED_UPDATES = 4;
const IMAGE_BYTES = 200_000;

const SCENARIOS = [
  { title: 'a full image that works', isGood: true, isDelta: false },
  { title: 'a delta that works', isGood: true, isDelta: true },
  { title: 'a full image that fails its trial', isGood: false, isDelta: false },
] as const;

interface Played extends MatrixCell {
  readonly isGood: boolean;
}

/** `run(['10'])` plays each tenth cut. */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const random = uniform(SEED);
  const every = Number(args[0] ?? 1);
  const played: Played[] = [];
  const kills: Played[] = [];
  for (const kind of DEVICE_KINDS) {
    const old = await artifact(kind, '1.0.0');
    const next = await artifact(kind, '1.1.0', old);
    for (const { title, ...scenario } of SCENARIOS) {
      const counts = { every, bytes: Math.ceil(BYTES / every), pairs: Math.ceil(PAIRS / every) };
      const cells = await playMatrix({ kind, ...scenario, old, next, random, ...counts });
      played.push(...cells.map((cell) => ({ ...cell, isGood: scenario.isGood })));
      console.log(`\n${kind}, ${title}`);
      console.log(stepTable(cells));
    }
    const updates = Math.ceil(KILLED_UPDATES / every);
    const cells = await playKills({ kind, old, next, random, updates });
    kills.push(...cells.map((cell) => ({ ...cell, isGood: true })));
    console.log(`\n${kind}, processes killed with SIGKILL`);
    console.log(stepTable(cells));
  }
  return resultOf(played, kills);
}

function resultOf(played: readonly Played[], kills: readonly Played[]): BenchResult {
  const all = [...played, ...kills];
  const count = (end: StoryEnd) => all.filter((cell) => cell.end === end).length;
  const sum = (cells: readonly Played[]) => cells.reduce((total, { cuts }) => total + cuts, 0);
  const figures = Object.fromEntries(STORY_ENDS.map((end) => [end, count(end)]));
  const lost = all.filter(({ isGood, end }) => isGood !== (end === 'updated')).length;
  const cuts = sum(all);
  const devices = 'devices';
  return {
    figures: {
      ...figures,
      cuts,
      processKills: sum(kills),
      updates: all.length,
      ...describeMachine(),
    },
    goals: [
      atLeast('power cuts', cuts, 500, 'cuts'),
      atMost('bricked devices', count('bricked'), 0, devices),
      atMost('devices on a wrong version', count('wrong_version'), 0, devices),
      atMost('devices that do not go on by themselves', count('stuck'), 0, devices),
      atMost('updates that end otherwise than without a cut', lost, 0, 'updates'),
    ],
  };
}

function stepTable(cells: readonly MatrixCell[]): string {
  const steps = [...new Set(cells.map(({ step }) => step))];
  const rows = steps.map((step) => {
    const own = cells.filter((cell) => cell.step === step);
    const cuts = own.reduce((total, cell) => total + cell.cuts, 0);
    return [step, cuts, ...STORY_ENDS.map((end) => own.filter((cell) => cell.end === end).length)];
  });
  const text = rows.map((row) => row.map((cell) => (cell === 0 ? '.' : String(cell))));
  return formatTable(['cut at', 'cuts', ...STORY_ENDS], text);
}

/** An image shares half of its bytes with the one it follows, so that a patch between them is worth it. */
async function artifact(kind: DeviceKind, version: string, old?: Artifact): Promise<Artifact> {
  if (kind === 'directory') return artifactOf(version, await firmwareBundle(version));
  const bytes = randomBytes(IMAGE_BYTES);
  old?.bytes.copy(bytes, 0, 0, IMAGE_BYTES / 2);
  return artifactOf(version, bytes);
}
