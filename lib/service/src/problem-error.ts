import {
  PROBLEMS,
  PROBLEM_TYPE_BASE,
  type FieldError,
  type Problem,
  type ProblemCode,
} from '@flotilla/contracts';
import type { z } from 'zod';

export interface ProblemDetails {
  readonly detail: string;
  readonly errors?: readonly FieldError[];
  /** Seconds for a Retry-After header (RFC 9110, 10.2.3). */
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** An expected refusal; the HTTP layer turns it into `application/problem+json`. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: ProblemCode;
  readonly errors: readonly FieldError[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ProblemCode, details: ProblemDetails) {
    super(details.detail, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.errors = details.errors;
    this.retryAfterSeconds = details.retryAfterSeconds;
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }

  toProblem(instance?: string): Problem {
    return {
      type: `${PROBLEM_TYPE_BASE}${this.code}`,
      title: PROBLEMS[this.code].title,
      status: this.status,
      detail: this.message,
      code: this.code,
      ...(instance !== undefined && { instance }),
      ...(this.errors !== undefined && { errors: [...this.errors] }),
    };
  }
}

/** Parses what came from outside; a broken rule becomes `validation_failed` naming field and rule. */
export function parseRequest<T extends z.ZodType>(
  schema: T,
  value: unknown,
  where: 'body' | 'query' | 'path',
): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.map((issue) => ({
    pointer: `/${where}${issue.path.map((part) => `/${pointerToken(part)}`).join('')}`,
    detail: issue.message,
  }));
  const first = errors[0];
  throw new ProblemError('validation_failed', {
    detail: first === undefined ? 'invalid' : `${first.pointer}: ${first.detail}`,
    errors,
  });
}

/** RFC 6901, clause 3. */
function pointerToken(part: PropertyKey): string {
  return String(part).replaceAll('~', '~0').replaceAll('/', '~1');
}
