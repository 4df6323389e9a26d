import { setTimeout as delay } from 'node:timers/promises';

/** A process that can be killed, and that is alive again when the promise resolves. */
export interface Victim {
  readonly name: string;
  kill(): Promise<void>;
}

export interface KillPlan {
  readonly kills: number;
  /** The pause before a kill is drawn evenly between nothing and this. */
  readonly maxPauseMs: number;
  readonly random: () => number;
  readonly onKill: (name: string, done: number) => void;
}

/**
 * kill -9 at random moments, in rounds that hit every victim once in a random order. The next kill does
 * not wait for the last victim to be back, so outages overlap; it waits only for its own victim. Rejects
 * when one does not come back.
 */
export async function killAtRandom(
  victims: readonly Victim[],
  plan: KillPlan,
): Promise<Record<string, number>> {
  const counts = Object.fromEntries(victims.map(({ name }) => [name, 0]));
  const backAgain = new Map<string, Promise<void>>();
  const faults: unknown[] = [];
  let round: Victim[] = [];
  for (let done = 0; done < plan.kills && faults.length === 0; done += 1) {
    if (round.length === 0) round = [...victims];
    const [victim] = round.splice(Math.floor(plan.random() * round.length), 1);
    if (victim === undefined) throw new Error('there is nothing to kill');
    await backAgain.get(victim.name);
    await delay(plan.maxPauseMs * plan.random());
    backAgain.set(
      victim.name,
      victim.kill().catch((error: unknown) => void faults.push(error)),
    );
    counts[victim.name] = (counts[victim.name] ?? 0) + 1;
    plan.onKill(victim.name, done + 1);
  }
  await Promise.all(backAgain.values());
  if (faults.length > 0) throw faults[0];
  return counts;
}
