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
 * kill -9 of a random victim at random moments. The next kill does not wait for the last victim to be
 * back, so outages overlap; only a victim that is still down is not chosen again. Rejects when one
 * does not come back.
 */
export async function killAtRandom(
  victims: readonly Victim[],
  plan: KillPlan,
): Promise<Record<string, number>> {
  const counts = Object.fromEntries(victims.map(({ name }) => [name, 0]));
  const down = new Map<string, Promise<void>>();
  const faults: unknown[] = [];
  for (let done = 0; done < plan.kills && faults.length === 0;) {
    await delay(plan.maxPauseMs * plan.random());
    const alive = victims.filter(({ name }) => !down.has(name));
    const victim = alive[Math.floor(plan.random() * alive.length)];
    if (victim === undefined) {
      await Promise.race(down.values());
      continue;
    }
    const back = victim
      .kill()
      .catch((error: unknown) => void faults.push(error))
      .finally(() => down.delete(victim.name));
    down.set(victim.name, back);
    counts[victim.name] = (counts[victim.name] ?? 0) + 1;
    done += 1;
    plan.onKill(victim.name, done);
  }
  await Promise.all(down.values());
  if (faults.length > 0) throw faults[0];
  return counts;
}
