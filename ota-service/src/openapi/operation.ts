import type { ProblemCode } from '@flotilla/contracts';
import type { z } from 'zod';

/** A shape that stands among the document's components under this name. */
export interface NamedSchema {
  readonly name: string;
  readonly schema: z.ZodType;
}

/** Without a schema: bytes. */
export interface Content {
  readonly type: string;
  readonly schema?: NamedSchema;
}

export interface Answer {
  readonly description: string;
  readonly content?: Content;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One route as the OpenAPI description tells it. */
export interface Operation {
  /** `operationId`. */
  readonly id: string;
  readonly method: 'get' | 'put' | 'post' | 'delete' | 'options' | 'head' | 'patch';
  /** Template with `{name}`; each name has a schema in `pathParameters`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  /** Whose token opens it. */
  readonly caller: 'operator' | 'device' | 'alertmanager' | 'anyone';
  readonly pathParameters?: Readonly<Record<string, z.ZodType>>;
  readonly query?: z.ZodObject;
  /** Required request headers, with what they hold. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Content & { readonly optional?: boolean };
  readonly answers: Readonly<Record<number, Answer>>;
  /** Beside those every route of its kind can give: see `problemsOf`. */
  readonly problems?: readonly ProblemCode[];
}

export const json = (name: string, schema: z.ZodType): Content => ({
  type: 'application/json',
  schema: { name, schema },
});

export const ok = (name: string, schema: z.ZodType, description = 'As asked'): Answer => ({
  description,
  content: json(name, schema),
});

export const NO_CONTENT: Answer = { description: 'Done' };

/** Every problem this operation can answer with. */
export function problemsOf(operation: Operation): readonly ProblemCode[] {
  const codes = new Set<ProblemCode>(operation.problems);
  if (operation.caller !== 'anyone') codes.add('unauthenticated');
  if (operation.caller === 'device') codes.add('forbidden');
  if (operation.pathParameters !== undefined) codes.add('not_found');
  const isChecked =
    operation.pathParameters !== undefined ||
    operation.query !== undefined ||
    operation.body !== undefined;
  if (isChecked) codes.add('validation_failed');
  if (operation.body !== undefined) {
    for (const code of ['malformed_body', 'body_too_large', 'unsupported_media_type'] as const) {
      codes.add(code);
    }
  }
  return [...codes, 'internal'];
}
