import type { CollectorChild } from './collector-child.ts';
import type { FuzzClient } from './fuzz-client.ts';
import type { FuzzRequest, MutationClass } from './fuzz-input.ts';
import { SeededRandom } from './seeded-random.ts';

export interface FuzzOutcome {
  /** One line each: what was sent, what may answer it, what did. */
  readonly surprises: readonly string[];
  /** Answers by class and status: shows that a class reaches what it is for. */
  readonly statuses: ReadonlyMap<string, ReadonlyMap<number | string, number>>;
}

export interface FuzzPlan {
  readonly classes: readonly MutationClass[];
  readonly inputs: number;
  readonly seed: number;
  readonly parallel: number;
}

const HEALTHY_EVERY = 20;
const MAX_SURPRISES = 20;

/** Sends `inputs` broken requests, a healthy one after every twentieth; stops when the child dies. */
export async function fuzz(
  child: CollectorChild,
  client: FuzzClient,
  plan: FuzzPlan,
): Promise<FuzzOutcome> {
  const random = new SeededRandom(plan.seed);
  const surprises: string[] = [];
  const statuses = new Map<string, Map<number | string, number>>();
  let turn = 0;
  const worker = async () => {
    while (turn < plan.inputs && surprises.length < MAX_SURPRISES) {
      turn += 1;
      const mine = turn;
      const mutation = classOfTurn(plan.classes, mine);
      const input = mutation.make(random);
      const got = await client.send(input).catch(String);
      child.assertAlive();
      count(statuses, mutation.name, got);
      if (!mutation.expected.some((status) => status === got)) {
        surprises.push(describe(mine, mutation, input, got));
      }
      if (mine % HEALTHY_EVERY !== 0) continue;
      const healthy = await client.healthy().catch(String);
      if (healthy !== 200) {
        const after = { ...mutation, name: `healthy, after ${mutation.name}`, expected: [200] };
        surprises.push(describe(mine, after, input, healthy));
      }
    }
  };
  await Promise.all(Array.from({ length: plan.parallel }, worker));
  return { surprises, statuses };
}

/** All in turn; the costly ones on every n-th round only. */
function classOfTurn(classes: readonly MutationClass[], turn: number): MutationClass {
  const round = Math.floor(turn / classes.length);
  for (let step = 0; ; step += 1) {
    const candidate = classes[(turn + step) % classes.length];
    if (candidate !== undefined && round % (candidate.every ?? 1) === 0) return candidate;
  }
}

function count(
  statuses: Map<string, Map<number | string, number>>,
  name: string,
  status: number | string,
): void {
  const known = statuses.get(name) ?? new Map<number | string, number>();
  known.set(status, (known.get(status) ?? 0) + 1);
  statuses.set(name, known);
}

function describe(
  turn: number,
  mutation: MutationClass,
  input: FuzzRequest,
  got: number | string,
): string {
  const start = input.body.toString('hex', 0, 400);
  return [
    `turn ${turn}: ${mutation.name}: ${got}, not ${mutation.expected.join(' or ')}`,
    `${input.method ?? 'POST'} ${input.path ?? ''} ${JSON.stringify(input.headers ?? {})}`,
    `${input.body.length} bytes ${start}`,
  ].join('; ');
}
