import { setTimeout as delay } from 'node:timers/promises';

const COUNT =
  'SELECT (SELECT count() FROM otel_metrics_gauge) + (SELECT count() FROM otel_metrics_sum) AS n ' +
  'FORMAT TabSeparated';
const LOOK_EVERY_MS = 50;

/** Points that a query sees, asked over the warehouse's HTTP endpoint `http://[user:password@]…`. */
export async function countPoints(warehouseUrl: string): Promise<number> {
  const { username, password, origin } = new URL(warehouseUrl);
  const response = await fetch(origin, {
    method: 'POST',
    body: COUNT,
    // fetch takes no credentials in an address.
    ...(username !== '' && {
      headers: { 'x-clickhouse-user': username, 'x-clickhouse-key': password },
    }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`the warehouse answered ${response.status}: ${text}`);
  return Number(text.trim());
}

/**
 * Resolves when `expected` points are stored; throws when there are more, or when none was added for
 * `stallMs`: a path that stores nothing is broken, not slow.
 */
export async function waitForPoints(
  count: () => Promise<number>,
  expected: number,
  stallMs: number,
): Promise<void> {
  let seen = -1;
  let grownAt = performance.now();
  for (;;) {
    const now = await count();
    if (now === expected) return;
    if (now > expected || performance.now() - grownAt > stallMs) {
      throw new Error(`expected ${expected} points in the warehouse, it has ${now}`);
    }
    if (now > seen) grownAt = performance.now();
    seen = now;
    await delay(LOOK_EVERY_MS);
  }
}
