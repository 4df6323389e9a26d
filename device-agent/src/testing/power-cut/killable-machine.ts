// A simulated machine as a process of its own: its boot loader, then the agent, until the power goes
// (SIGKILL) or the agent wants another slot started.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FailingPower, type PowerCut } from './failing-power.ts';
import { startMachine, WrongContentError } from './machine-run.ts';
import { artifactOf, SimulatedMachine, type DeviceKind } from './simulated-machine.ts';

export interface MachinePlan {
  readonly kind: DeviceKind;
  readonly folder: string;
  readonly url: string;
  readonly pinnedRoot: string;
  /** The old and the new one, whose bytes lie in the folder as `<version>.bin`. */
  readonly versions: readonly [string, string];
  readonly cut: PowerCut | null;
}

export const MACHINE_PLAN_VARIABLE = 'FLOTILLA_TEST_MACHINE_PLAN';
export const EXIT_REBOOT = 10;
export const EXIT_BRICKED = 11;
export const EXIT_WRONG = 12;

async function run(plan: MachinePlan): Promise<number> {
  const { kind, folder, url, pinnedRoot, cut } = plan;
  const read = (version: string) =>
    artifactOf(version, readFileSync(join(folder, `${version}.bin`)));
  const machine = new SimulatedMachine(kind, folder);
  const power = new FailingPower({
    cut,
    inPlace: machine.inPlaceFiles,
    random: Math.random,
    onCut: () => process.kill(process.pid, 'SIGKILL'),
  });
  const [old, next] = [read(plan.versions[0]), read(plan.versions[1])];
  const server = { url, pinnedRoot };
  const reboot = () => process.exit(EXIT_REBOOT);
  try {
    const agent = await startMachine({ machine, server, power, old, next, isGood: true, reboot });
    if (agent === null) return EXIT_BRICKED;
    await agent.done;
    return 0;
  } catch (error) {
    if (error instanceof WrongContentError) return EXIT_WRONG;
    throw error;
  }
}

const planText = process.env[MACHINE_PLAN_VARIABLE];
if (planText !== undefined) process.exit(await run(JSON.parse(planText) as MachinePlan));
