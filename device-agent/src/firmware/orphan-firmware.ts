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

  constructor(deviceDir: string) {
    this.#path = join(deviceDir, 'firmware.pid');
  }

  /** At once after the start and without waiting, so that a kill finds the smallest gap. */
  record(pid: number): void {
    const startTime = processStartTime(pid);
    if (startTime !== null) writeFileSync(this.#path, JSON.stringify({ pid, startTime }));
  }

  clear(): void {
    rmSync(this.#path, { force: true });
  }

  /** Ends the firmware of an earlier agent, but only the very process that was recorded. */
  async endOrphan(graceMs: number, logger: Logger): Promise<void> {
    const orphan = this.#read();
    if (orphan === null) return;
    const lives = () => processStartTime(orphan.pid) === orphan.startTime;
    if (lives()) {
      logger.warn({ pid: orphan.pid }, 'ending the firmware that an earlier agent left running');
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
