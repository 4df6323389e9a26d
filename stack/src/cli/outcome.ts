import { TrustError } from '@flotilla/trust';
import { ApiProblem } from '../client/api-client.ts';

/** The call itself was wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Tells what went wrong on the error output and gives the exit code: 1 refused by the service or by
 * verification, or not answered; 2 the call was wrong.
 */
export function reportFailure(error: unknown, usage: string): 1 | 2 {
  const message = error instanceof Error ? error.message : String(error);
  const isUsage = error instanceof UsageError || isParseArgsError(error);
  const fault = error instanceof TrustError ? `${error.fault}: ` : '';
  process.stderr.write(isUsage ? `${message}\n\n${usage}` : `${fault}${message}\n`);
  const fields = error instanceof ApiProblem ? (error.problem.errors ?? []) : [];
  for (const { pointer, detail } of fields) process.stderr.write(`  ${pointer}: ${detail}\n`);
  return isUsage ? 2 : 1;
}

/** 0, or what `reportFailure` says. */
export async function exitCodeOf(
  usage: string,
  work: () => void | Promise<void>,
): Promise<0 | 1 | 2> {
  try {
    await work();
    return 0;
  } catch (error) {
    return reportFailure(error, usage);
  }
}

function isParseArgsError(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS_');
}

/** One value as JSON, or as lines for a person. */
export function show(value: unknown, lines: readonly string[], asJson: boolean): void {
  process.stdout.write(`${asJson ? JSON.stringify(value, null, 2) : lines.join('\n')}\n`);
}

export function wanted(value: string | undefined, what: string): string {
  if (value === undefined || value === '') throw new UsageError(`${what} is missing`);
  return value;
}
