import { writeSync } from 'node:fs';
import { openEventLog } from '../../../src/index.ts';

/** Appends `<name>-<n>` until `count`; prints each id once the log has acknowledged it. */
const [url = '', topic = '', name = '', count = '0'] = process.argv.slice(2);
const CONCURRENCY = 8;

const log = await openEventLog(url);
let next = 0;
async function appendInTurn(): Promise<void> {
  while (next < Number(count)) {
    const id = `${name}-${next++}`;
    await log.append(topic, [{ key: name, value: Buffer.from(id), headers: { id } }]);
    writeSync(1, `${id}\n`);
  }
}
await Promise.all(Array.from({ length: CONCURRENCY }, appendInTurn));
await log.close();
