import type { z } from 'zod';

/**
 * Reads a service's configuration from environment variables. Every problem is reported at once,
 * so that a bad configuration fails at start and never later.
 */
export function loadConfig<T extends z.ZodObject>(
  schema: T,
  environment: Readonly<Record<string, string | undefined>>,
): z.output<T> {
  const known = Object.keys(schema.shape);
  const given = known.flatMap((key) => {
    const value = environment[key];
    return value === undefined || value === '' ? [] : [[key, value] as const];
  });
  const result = schema.safeParse(Object.fromEntries(given));
  if (result.success) return result.data;
  throw new ConfigError(
    result.error.issues.map((issue) => `${issue.path.join('.') || '(all)'}: ${issue.message}`),
  );
}

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`the configuration is not valid:\n  ${problems.join('\n  ')}`);
    this.problems = problems;
  }
}
