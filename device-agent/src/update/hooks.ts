import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@flotilla/service';
import { isFileError } from '../disk/durable-file.ts';
import { runProgram } from '../firmware/own-program.ts';
import type { DeviceTelemetry } from '../telemetry/device-telemetry.ts';

/** Names of the executables in the hooks folder, in the order in which an update meets them. */
export const HOOK_NAMES = [
  'pre-download',
  'pre-install',
  'post-install',
  'pre-reboot',
  'health',
  'post-commit',
  'post-rollback',
] as const;
export type HookName = (typeof HOOK_NAMES)[number];

/** What a hook is told about the update, as FLOTILLA_… variables. */
export interface HookFacts {
  readonly campaignId: string;
  readonly fromVersion: string | null;
  readonly toVersion: string;
  readonly slot: string | null;
}

export type HookResult =
  | { readonly kind: 'ok' }
  /** Exit code 75 (EX_TEMPFAIL of sysexits.h): not now, ask again. */
  | { readonly kind: 'not_now'; readonly why: string }
  | { readonly kind: 'failed'; readonly why: string };

export interface HooksOptions {
  /** Null: no hooks. */
  readonly folder: string | null;
  readonly timeoutMs: number;
  readonly path: string;
  readonly telemetry: Pick<DeviceTelemetry, 'log'>;
  readonly logger: Logger;
}

const NOT_NOW = 75;

/** Runs the device maker's own programs at the turns of an update. */
export class Hooks {
  readonly #options: HooksOptions;

  constructor(options: HooksOptions) {
    this.#options = options;
  }

  /** `ok` for a hook that does not exist. Its last line of output is the reason it gives. */
  async run(name: HookName, facts: HookFacts): Promise<HookResult> {
    const { folder } = this.#options;
    if (folder === null) return { kind: 'ok' };
    const program = join(folder, name);
    try {
      await access(program, constants.X_OK);
    } catch (error) {
      if (isFileError(error, 'ENOENT')) return { kind: 'ok' };
      return { kind: 'failed', why: `the hook ${name} cannot be executed` };
    }
    return this.#execute(name, program, facts);
  }

  async #execute(name: HookName, program: string, facts: HookFacts): Promise<HookResult> {
    const { timeoutMs, telemetry, logger, path } = this.#options;
    let lastLine = '';
    const { how, isLate } = await runProgram(program, [], {
      env: environment(name, facts, path),
      timeoutMs,
      onLine: (text) => {
        lastLine = text;
        telemetry.log('info', text, { 'flotilla.hook': name });
      },
    });
    logger.info({ hook: name, how }, 'hook ended');
    return resultOf(name, how, lastLine, isLate ? timeoutMs : null);
  }
}

/** `lateAfterMs` null when it ended by itself. */
function resultOf(
  name: HookName,
  how: number | string,
  lastLine: string,
  lateAfterMs: number | null,
): HookResult {
  const said = lastLine === '' ? '' : `: ${lastLine}`;
  if (lateAfterMs !== null) {
    return { kind: 'failed', why: `the hook ${name} ran over ${lateAfterMs} ms${said}` };
  }
  if (how === 0) return { kind: 'ok' };
  if (how === NOT_NOW) return { kind: 'not_now', why: `the hook ${name} says not now${said}` };
  const what = typeof how === 'number' ? `exited with code ${how}` : `failed (${how})`;
  return { kind: 'failed', why: `the hook ${name} ${what}${said}` };
}

function environment(name: HookName, facts: HookFacts, path: string): Record<string, string> {
  return {
    PATH: path,
    FLOTILLA_HOOK: name,
    FLOTILLA_CAMPAIGN_ID: facts.campaignId,
    FLOTILLA_FROM_VERSION: facts.fromVersion ?? '',
    FLOTILLA_TO_VERSION: facts.toVersion,
    FLOTILLA_SLOT: facts.slot ?? '',
  };
}
