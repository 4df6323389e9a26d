import { openEventLog } from '@flotilla/event-log';
import { loadConfig } from '@flotilla/service';
import { z } from 'zod';
import { deadLetters, DeadLettersUsageError } from './command.ts';

const configSchema = z.object({
  /** The log the pipeline reads, given as to the pipeline. */
  FLOTILLA_EVENT_LOG: z.string().min(1),
});

const { FLOTILLA_EVENT_LOG: address } = loadConfig(configSchema, process.env);
const log = await openEventLog(address);
try {
  await deadLetters(process.argv.slice(2), log, (line) => process.stdout.write(`${line}\n`));
} catch (error) {
  if (!(error instanceof DeadLettersUsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
} finally {
  await log.close();
}
