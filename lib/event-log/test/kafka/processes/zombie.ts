import { once } from 'node:events';
import { openEventLog } from '../../../src/open-event-log.ts';

/** Joins, says "joined", and at the first byte from its parent commits what it once owned. */
const [url = '', group = '', topic = ''] = process.argv.slice(2);
const log = await openEventLog(url, { leaseMs: 1_500 });
const consumer = await log.consumer(group, [topic]);
const [owned] = await consumer.assignment();
if (owned === undefined) throw new Error('got no partition');
process.stdout.write('joined\n');
await once(process.stdin, 'data');
try {
  await consumer.commit(owned, { offset: 0, metadata: 'zombie' });
  process.stdout.write('committed\n');
} catch (error) {
  process.stdout.write(`${error instanceof Error ? error.name : String(error)}\n`);
}
await log.close();
process.exit(0);
