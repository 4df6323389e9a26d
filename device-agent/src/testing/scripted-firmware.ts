import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Firmware, FirmwareExit, FirmwareHost } from '../firmware/firmware-process.ts';
import type { BootedSlot } from '../slots/slot-backend.ts';
import type { FirmwareKind } from './test-bundle.ts';

/** Runs test bundles without processes: what `kind.json` says happens, at once. */
export class ScriptedHost implements FirmwareHost {
  readonly starts: string[] = [];

  start(booted: BootedSlot): Firmware {
    this.starts.push(booted.content.version);
    if (booted.kind !== 'bundle') throw new Error('runs bundles only');
    const text = readFileSync(join(booted.treePath, 'kind.json'), 'utf8');
    const { kind } = JSON.parse(text) as { kind: FirmwareKind };
    return scriptedFirmware(kind);
  }
}

export function scriptedFirmware(kind: FirmwareKind): Firmware {
  const { promise, resolve } = Promise.withResolvers<FirmwareExit>();
  const exit = { signal: null, uptimeMs: 1, startError: null };
  if (kind === 'crashing') resolve({ ...exit, exitCode: 7, requested: false });
  return {
    exited: promise,
    probe: async () => kind === 'good',
    rssBytes: async () => null,
    stop: async () => resolve({ ...exit, exitCode: 0, requested: true }),
  };
}
