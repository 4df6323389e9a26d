import { writeSync } from 'node:fs';
import { openEventLog } from '../../../src/index.ts';

/** Reads a topic on and on; prints `<offset> <text>` of each record once its commit is acknowledged. */
const [url = '', topic = '', group = ''] = process.argv.slice(2);
const partition = { topic, partition: 0 };

const log = await openEventLog(url);
const consumer = await log.consumer(group, [topic]);
let offset = (await consumer.committed(partition))?.offset ?? 0;
writeSync(1, `joined ${offset}\n`);
for (;;) {
  const records = await consumer.read(partition, offset, { maxRecords: 50, maxBytes: 1_000_000 });
  if (records.length === 0) {
    await consumer.wait(10_000);
    continue;
  }
  offset += records.length;
  await consumer.commit(partition, { offset, metadata: `read by ${process.pid}` });
  for (const record of records) {
    writeSync(1, `${record.offset} ${Buffer.from(record.value).toString()}\n`);
  }
}
