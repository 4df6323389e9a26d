import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@flotilla/service';
import { z } from 'zod';
import { isFileError } from '../disk/durable-file.ts';
import { processStartTime } from './process-identity.ts';

const recordSchema = z.object({ pid: z.number().int().positive(), startTime: z.string() });

const LOOK_EVERY_MS = 20;

/** Remembers the firmware process on disk, for the agent that follows a killed one. */
export class FirmwarePidFile {
  readonly #path: string;
  readonly #logger: Logger;

  constructor(deviceDir: string, logger: Logger) {
    this.#path = join(deviceDir, 'firmware.pid');
    this.#logger = logger;
  }

  /**
   * At once after the start and without waiting, so that a kill finds the smallest gap. On a full disk
   * the firmware runs unrecorded: it must neither end the agent nor be left behind by it.
   */
  record(pid: number): void {
    const startTime = processStartTime(pid);
    if (startTime === null) return;
    try {
      writeFileSync(this.#path, JSON.stringify({ pid, startTime }));
    } catch (error) {
      if (!isFileError(error)) throw error;
      this.#logger.error({ err: error, pid }, 'the firmware runs, but is not recorded');
    }
  }

  clear(): void {
    try {
      rmSync(this.#path, { force: true });
    } catch (error) {
      if (!isFileError(error)) throw error;
      // It names a process that has ended, as its start time will show.
      this.#logger.error({ err: error }, 'the record of the firmware stays');
    }
  }

  /** Ends the firmware of an earlier agent, but only the very process that was recorded. */
  async endOrphan(graceMs: number): Promise<void> {
    const orphan = this.#read();
    if (orphan === null) return;
    const lives = () => processStartTime(orphan.pid) === orphan.startTime;
    if (lives()) {
      this.#logger.warn(
        { pid: orphan.pid },
        'ending the firmware that an earlier agent left running',
      );
      signalGroup(orphan.pid, 'SIGTERM');
      if (!(await endsWithin(lives, graceMs))) {
        signalGroup(orphan.pid, 'SIGKILL');
        await endsWithin(lives, graceMs);
      }
    }
    this.clear();
  }

  #read(): z.infer<typeof recordSchema> | null {
    try {
      const parsed = recordSchema.safeParse(JSON.parse(readFileSync(this.#path, 'utf8')));
      return parsed.success ? parsed.data : null;
    } catch (error) {
      // A half-written record names nobody for sure, so nobody is ended.
      if (error instanceof SyntaxError || isFileError(error, 'ENOENT')) return null;
      throw error;
    }
  }
}

/** To the process and what it started; it leads its own group. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!isFileError(error, 'ESRCH')) throw error;
  }
}

async function endsWithin(lives: () => boolean, timeoutMs: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < timeoutMs; waitedMs += LOOK_EVERY_MS) {
    if (!lives()) return true;
    await delay(LOOK_EVERY_MS);
  }
  return !lives();
}
