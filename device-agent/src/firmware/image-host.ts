import { runProbe, type ProbeSpec } from './custom-probe.ts';
import type { Firmware, FirmwareExit, FirmwareHost } from './firmware-process.ts';

export interface ImageHostOptions {
  /** Null: an image that has booted as far as this agent counts as up. */
  readonly health: ProbeSpec | null;
  readonly probeTimeoutMs: number;
  readonly path: string;
}

/** In image mode the system of the booted slot is the firmware: it runs already, and only a reboot ends it. */
export class ImageHost implements FirmwareHost {
  readonly #options: ImageHostOptions;

  constructor(options: ImageHostOptions) {
    this.#options = options;
  }

  start(): Firmware {
    const { health, probeTimeoutMs, path } = this.#options;
    const { promise, resolve } = Promise.withResolvers<FirmwareExit>();
    const exit = { exitCode: null, signal: null, uptimeMs: 0, requested: true, startError: null };
    return {
      exited: promise,
      probe: async () =>
        health === null || (await runProbe(health, probeTimeoutMs, path)).fault === null,
      rssBytes: () => Promise.resolve(null),
      stop: () => {
        resolve(exit);
        return Promise.resolve();
      },
    };
  }
}
