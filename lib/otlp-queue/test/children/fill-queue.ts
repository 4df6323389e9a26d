import { writeSync } from 'node:fs';
import { createLogger } from '@flotilla/service';
import { DiskQueue } from '../../src/disk-queue.ts';
import { bodyOf } from './known-body.ts';

/**
 * Writes items until it is killed or the disk refuses, and prints one line after each call returned:
 * `+ <n> <batch id>` enqueued, `- <batch id>` acknowledged, `! <message>` and `= <items> <bytes>` at the end.
 * Arguments: folder, `enqueue` or `churn` (acknowledge every second time).
 */
const [folder = '', mode = 'enqueue'] = process.argv.slice(2);
// Handled, a write beyond the file size limit fails with an error in place of ending the process.
process.on('SIGXFSZ', () => undefined);
const queue = new DiskQueue({ folder, logger: createLogger('child', 'silent') });
try {
  for (let n = 0; ; n += 1) {
    const result = queue.enqueue('/v1/logs', bodyOf(n));
    if (result.queued) writeSync(1, `+ ${n} ${result.batchId}\n`);
    if (mode === 'churn' && n % 2 === 1) {
      const oldest = queue.oldest();
      if (oldest === undefined) throw new Error('the queue lost its items');
      queue.acknowledge(oldest.id);
      writeSync(1, `- ${oldest.batchId}\n`);
    }
  }
} catch (error) {
  writeSync(1, `! ${error instanceof Error ? error.message : String(error)}\n`);
  writeSync(1, `= ${queue.items} ${queue.sizeBytes}\n`);
}
