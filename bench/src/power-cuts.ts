// Cuts the power at every durable write of an update, before, within and after it, over both slot
// backends and both boot loaders' environments, and prints which step ended how.
import {
  playMatrix,
  type MatrixCell,
} from '@flotilla/device-agent/src/testing/power-cut/cut-matrix.ts';
import {
  DEVICE_KINDS,
  sha256,
  type Artifact,
  type DeviceKind,
  type StoryEnd,
} from '@flotilla/device-agent/src/testing/power-cut/update-story.ts';
import { firmwareBundle } from '@flotilla/device-agent/src/testing/test-bundle.ts';
import { atLeast, atMost, type BenchResult } from './harness/bench.ts';
import { uniform } from './harness/random.ts';
import { formatTable } from './harness/table.ts';

const SEED = 20261124;
const PAIRS = 20;
const IMAGE_BYTES = 200_000;
const ENDS: readonly StoryEnd[] = ['updated', 'rolled_back', 'bricked', 'wrong_version', 'stuck'];

interface Played extends MatrixCell {
  readonly kind: DeviceKind;
  readonly isGood: boolean;
}

export async function run(): Promise<BenchResult> {
  const random = uniform(SEED);
  const played: Played[] = [];
  for (const kind of DEVICE_KINDS) {
    for (const isGood of [true, false]) {
      const old = await artifact(kind, '1.0.0', random);
      const next = await artifact(kind, '1.1.0', random);
      const cells = await playMatrix({ kind, isGood, old, next, random, every: 1, pairs: PAIRS });
      const own = cells.map((cell) => ({ ...cell, kind, isGood }));
      played.push(...own);
      console.log(`\n${kind}, firmware that ${isGood ? 'works' : 'fails its trial'}`);
      console.log(stepTable(own));
    }
  }
  const count = (end: StoryEnd) => played.filter((cell) => cell.end === end).length;
  const figures = Object.fromEntries(ENDS.map((end) => [end, count(end)]));
  const lost = played.filter(({ isGood, end }) => isGood && end === 'rolled_back').length;
  return {
    figures: { ...figures, cuts: played.length, goodFirmwareRolledBack: lost },
    goals: [
      atLeast('power cuts', played.length, 500, 'cuts'),
      atMost('bricked devices', count('bricked'), 0, 'devices'),
      atMost('devices on a wrong version', count('wrong_version'), 0, 'devices'),
      atMost('devices that do not go on by themselves', count('stuck'), 0, 'devices'),
    ],
  };
}

function stepTable(cells: readonly MatrixCell[]): string {
  const steps = [...new Set(cells.map(({ step }) => step))];
  const rows = steps.map((step) => {
    const own = cells.filter((cell) => cell.step === step);
    return [step, own.length, ...ENDS.map((end) => own.filter((cell) => cell.end === end).length)];
  });
  const text = rows.map((row) => row.map((cell) => (cell === 0 ? '.' : String(cell))));
  return formatTable(['cut at', 'cuts', ...ENDS], text);
}

async function artifact(
  kind: DeviceKind,
  version: string,
  random: () => number,
): Promise<Artifact> {
  const bytes =
    kind === 'directory'
      ? await firmwareBundle(version)
      : Buffer.from(Uint8Array.from({ length: IMAGE_BYTES }, () => Math.floor(random() * 256)));
  return { version, bytes, sha256: sha256(bytes), sizeBytes: bytes.length };
}
