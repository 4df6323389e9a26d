import type { CollectorChild } from './collector-child.ts';
import type { Answer, FuzzTarget, Mutation } from './fuzz-input.ts';
import { SeededRandom } from './seeded-random.ts';

export interface FuzzOutcome {
  /** One line each: what was sent, what may answer it, what did. */
  readonly surprises: readonly string[];
  readonly sent: number;
  /** Answers by class: shows that a class reaches what it is for. */
  readonly answers: ReadonlyMap<string, ReadonlyMap<Answer, number>>;
}

export interface FuzzPlan<Input> {
  readonly classes: readonly Mutation<Input>[];
  readonly inputs: number;
  readonly seed: number;
  /** Requests under way at once. */
  readonly parallel: number;
}

const HEALTHY_EVERY = 20;
const MAX_SURPRISES = 20;

/** Sends `inputs` broken requests, a healthy one after every twentieth; stops when the child dies. */
export async function fuzz<Input>(
  child: CollectorChild,
  target: FuzzTarget<Input>,
  plan: FuzzPlan<Input>,
): Promise<FuzzOutcome> {
  const random = new SeededRandom(plan.seed);
  const surprises: string[] = [];
  const answers = new Map<string, Map<Answer, number>>();
  let turn = 0;
  const worker = async () => {
    while (turn < plan.inputs && surprises.length < MAX_SURPRISES) {
      turn += 1;
      const mine = turn;
      const { name, expected, make } = classOfTurn(plan.classes, mine);
      const input = make(random);
      const got = await target.send(input).catch(String);
      child.assertAlive();
      count(answers, name, got);
      const sent = () => `turn ${mine}: ${name}: ${target.describe(input)}`;
      if (!expected.includes(got)) {
        surprises.push(`${got}, not ${expected.join(' or ')}; ${sent()}`);
      }
      if (mine % HEALTHY_EVERY !== 0) continue;
      const healthy = await target.healthy().catch(String);
      if (healthy !== target.healthyAnswer) {
        surprises.push(`${healthy} to a healthy request, after ${sent()}`);
      }
    }
  };
  await Promise.all(Array.from({ length: plan.parallel }, worker));
  return { surprises, sent: turn, answers };
}

/** All in turn; the costly ones on every n-th round only. */
function classOfTurn<Input>(classes: readonly Mutation<Input>[], turn: number): Mutation<Input> {
  const round = Math.floor(turn / classes.length);
  for (let step = 0; ; step += 1) {
    const candidate = classes[(turn + step) % classes.length];
    if (candidate !== undefined && round % (candidate.every ?? 1) === 0) return candidate;
  }
}

function count(answers: Map<string, Map<Answer, number>>, name: string, answer: Answer): void {
  const known = answers.get(name) ?? new Map<Answer, number>();
  known.set(answer, (known.get(answer) ?? 0) + 1);
  answers.set(name, known);
}
