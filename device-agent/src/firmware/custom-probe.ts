import { probeHealth } from './health-probe.ts';
import { runProgram } from './own-program.ts';

/** A check of the device maker's own: a URL that answers 200, or a command that ends with 0. */
export type ProbeSpec =
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'command'; readonly program: string };

export interface ProbeAnswer {
  /** For a person. */
  readonly name: string;
  /** Null when it is well, else why not. */
  readonly fault: string | null;
}

/** One that does not answer within the time has failed: a firmware that hangs says nothing. */
export async function runProbe(
  spec: ProbeSpec,
  timeoutMs: number,
  path: string,
): Promise<ProbeAnswer> {
  if (spec.kind === 'http') {
    const isWell = await probeHealth(spec.url, timeoutMs);
    const fault = isWell ? null : `did not answer 200 within ${timeoutMs} ms`;
    return { name: spec.url, fault };
  }
  return { name: spec.program, fault: await runCommand(spec.program, timeoutMs, path) };
}

async function runCommand(
  program: string,
  timeoutMs: number,
  path: string,
): Promise<string | null> {
  const { how, isLate } = await runProgram(program, [], { env: { PATH: path }, timeoutMs });
  if (isLate) return `did not end within ${timeoutMs} ms`;
  if (how === 0) return null;
  return typeof how === 'number' ? `exited with code ${how}` : `failed (${how})`;
}
