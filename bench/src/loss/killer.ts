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
  const fault = Promise.withResolvers<never>();
  fault.promise.catch(() => undefined);
  let round: Victim[] = [];
  for (let done = 0; done < plan.kills; done += 1) {
    if (round.length === 0) round = [...victims];
    const [victim] = round.splice(Math.floor(plan.random() * round.length), 1);
    if (victim === undefined) throw new Error('there is nothing to kill');
    await Promise.race([backAgain.get(victim.name), fault.promise]);
    await delay(plan.maxPauseMs * plan.random());
    const back = victim.kill();
    back.catch(fault.reject);
    backAgain.set(victim.name, back);
    counts[victim.name] = (counts[victim.name] ?? 0) + 1;
    plan.onKill(victim.name, done + 1);
  }
  // Without one that does not come back, others may wait for ever.
  await Promise.race([Promise.all(backAgain.values()), fault.promise]);
  return counts;
}
