import { join } from 'node:path';
import type { Logger } from '@flotilla/service';
import { z } from 'zod';
import { readOrSetAside, writeFileDurably } from '../disk/durable-file.ts';
import type { DurableStep } from '../disk/durable-step.ts';
import { UPDATE_PHASES } from './domain/update-machine.ts';
import { attemptOutcomeSchema, updateAttemptSchema } from './update-attempt.ts';

const entrySchema = z.object({
  phase: z.enum(UPDATE_PHASES),
  attempt: updateAttemptSchema.nullable(),
  /** Set in the last three phases. */
  outcome: attemptOutcomeSchema.nullable(),
});
export type JournalEntry = z.infer<typeof entrySchema>;

const IDLE: JournalEntry = { phase: 'IDLE', attempt: null, outcome: null };

/** Where the update stands, written before each step that cannot be undone. A hint, not the truth. */
export class Journal {
  readonly #path: string;
  readonly #step: DurableStep;
  #entry: JournalEntry;

  private constructor(path: string, step: DurableStep, entry: JournalEntry) {
    this.#path = path;
    this.#step = step;
    this.#entry = entry;
  }

  /** An unreadable journal is set aside: the boot environment alone keeps the device safe. */
  static async open(deviceDir: string, step: DurableStep, logger: Logger): Promise<Journal> {
    const path = join(deviceDir, 'journal.json');
    return new Journal(path, step, (await readOrSetAside(path, entrySchema, logger)) ?? IDLE);
  }

  get entry(): JournalEntry {
    return this.#entry;
  }

  async save(entry: JournalEntry): Promise<void> {
    await this.#step(`journal:${entry.phase}`, () =>
      writeFileDurably(this.#path, JSON.stringify(entry)),
    );
    this.#entry = entry;
  }

  async clear(): Promise<void> {
    await this.save(IDLE);
  }
}
