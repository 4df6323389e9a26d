import { waitUntil } from '@flotilla/stack/src/story/wait-until.ts';

const COUNT =
  'SELECT (SELECT count() FROM otel_metrics_gauge) + (SELECT count() FROM otel_metrics_sum) AS n ' +
  'FORMAT TabSeparated';

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

/** Resolves when `expected` points are stored; throws when there are more, or not so many in time. */
export async function waitForPoints(
  warehouseUrl: string,
  expected: number,
  timeoutMs: number,
): Promise<void> {
  let seen = 0;
  await waitUntil(`${expected} points in the warehouse`, timeoutMs, async () => {
    seen = await countPoints(warehouseUrl);
    return seen >= expected ? true : null;
  }).catch((cause: unknown) => {
    throw new Error(`sent ${expected} points, the warehouse has ${seen}`, { cause });
  });
  if (seen !== expected) throw new Error(`sent ${expected} points, the warehouse has ${seen}`);
}
