import { open, type FileHandle } from 'node:fs/promises';
import type { Logger } from '@flotilla/service';

/**
 * A hardware watchdog by the kernel's interface: it restarts the machine unless something is written
 * to it in time, and a closing `V` sends it to sleep (Documentation/watchdog/watchdog-api, "magic close").
 */
export class Watchdog {
  readonly #path: string | null;
  readonly #logger: Logger;
  #file: FileHandle | null = null;

  /** `path` null: there is none, and nothing happens. */
  constructor(path: string | null, logger: Logger) {
    this.#path = path;
    this.#logger = logger;
  }

  /** Arms it with the first call. One that cannot be had is told and missed. */
  async pet(): Promise<void> {
    if (this.#path === null) return;
    try {
      this.#file ??= await open(this.#path, 'w');
      await this.#file.write('\n');
    } catch (error) {
      this.#logger.error({ err: error, path: this.#path }, 'the watchdog cannot be reached');
    }
  }

  /** Nothing watches any more, until the next `pet`. */
  async disarm(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    if (file === null) return;
    try {
      await file.write('V');
      await file.close();
    } catch (error) {
      this.#logger.error({ err: error, path: this.#path }, 'the watchdog cannot be disarmed');
    }
  }
}
