import { openEventLog } from '@flotilla/event-log';
import { loadConfig } from '@flotilla/service';
import { z } from 'zod';
import { deadLetters, DeadLettersUsageError } from './command.ts';
import { spoolBeside } from './letter-spool.ts';

const configSchema = z.object({
  /** The log the pipeline reads, given as to the pipeline. */
  FLOTILLA_EVENT_LOG: z.string().min(1),
  FLOTILLA_DEAD_LETTER_FOLDER: z.string().startsWith('/').optional(),
});

const { FLOTILLA_EVENT_LOG: address, FLOTILLA_DEAD_LETTER_FOLDER: folder } = loadConfig(
  configSchema,
  process.env,
);
const log = await openEventLog(address);
try {
  const print = (line: string) => process.stdout.write(`${line}\n`);
  await deadLetters(process.argv.slice(2), log, print, spoolBeside(address, folder));
} catch (error) {
  if (!(error instanceof DeadLettersUsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
} finally {
  await log.close();
}
