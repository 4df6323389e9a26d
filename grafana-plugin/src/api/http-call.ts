import { problemSchema } from '@flotilla/contracts';
import type { Access } from '../host/host.ts';
import type { ApiResult } from './api-failure.ts';

export interface ApiClientOptions {
  readonly apiBase: string;
  readonly access: Pick<Access, 'authorization' | 'signOut'>;
  readonly fetch: typeof fetch;
  /** A call without an answer for this long counts as unreachable. */
  readonly timeoutMs?: number;
}

/** The one thing this file needs of a zod schema. */
export interface Reader<T> {
  safeParse(
    value: unknown,
  ):
    | { success: true; data: T }
    | { success: false; error: { issues: readonly { path: PropertyKey[]; message: string }[] } };
}

const DEFAULT_TIMEOUT_MS = 10_000;

export interface CallInit {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD' | 'PATCH';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Blob;
}

/** A JSON body with its content type. */
export function jsonBody(body: unknown): Pick<CallInit, 'headers' | 'body'> {
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

/** Asks for what the schema describes. Rejects only when the given signal aborts it. */
export async function call<T>(
  options: ApiClientOptions,
  path: string,
  init: CallInit,
  schema: Reader<T>,
  signal?: AbortSignal,
): Promise<ApiResult<T>> {
  const answer = await send(options, path, init, signal);
  if (!answer.ok) return answer;
  const { body } = answer.value;
  const parsed = schema.safeParse(body);
  if (parsed.success) return { ok: true, value: parsed.data };
  const issue = parsed.error.issues[0];
  const where =
    issue === undefined ? '' : `: /${issue.path.map(String).join('/')} ${issue.message}`;
  return unreadable(`${path} answered outside of its contract${where}`);
}

/** A change whose answer nobody reads: what became of it, the next poll brings anyway. */
export async function change(
  options: ApiClientOptions,
  path: string,
  init: CallInit,
): Promise<ApiResult<null>> {
  const answer = await send(options, path, init);
  return answer.ok ? { ok: true, value: null } : answer;
}

export interface RawAnswer {
  readonly headers: Headers;
  /** Undefined when there is none, or none that is JSON. */
  readonly body: unknown;
}

/** The same without a contract: for what is answered in headers. */
export async function send(
  options: ApiClientOptions,
  path: string,
  init: CallInit,
  signal?: AbortSignal,
): Promise<ApiResult<RawAnswer>> {
  const authorization = options.access.authorization();
  const timeout = AbortSignal.timeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  let response: Response;
  let text: string;
  try {
    response = await options.fetch(options.apiBase + path, {
      ...init,
      headers: {
        accept: 'application/json, application/problem+json',
        ...init.headers,
        ...(authorization !== null && { authorization }),
      },
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted === true) throw error;
    return unreachable(error);
  }
  // Another call may have signed in anew meanwhile; only the token that was refused is dropped.
  if (response.status === 401 && options.access.authorization() === authorization) {
    options.access.signOut('refused');
  }
  const body = parseJson(text);
  if (!response.ok) return { ok: false, failure: refusal(response, body) };
  return { ok: true, value: { headers: response.headers, body } };
}

function refusal(response: Response, body: unknown) {
  const parsed = problemSchema.safeParse(body);
  if (!parsed.success) {
    return unreadable(`The server answered ${response.status} without saying why.`).failure;
  }
  const problem = parsed.data;
  const fields = problem.errors?.map((e) => `${e.pointer} ${e.detail}`).join('; ');
  const detail = problem.detail ?? fields ?? '';
  return { kind: 'problem', title: problem.title, detail, problem } as const;
}

function unreachable(error: unknown) {
  const timedOut = error instanceof DOMException && error.name === 'TimeoutError';
  return {
    ok: false,
    failure: {
      kind: 'unreachable',
      title: 'The server does not answer',
      detail: timedOut ? 'The request took too long.' : 'The connection failed.',
    },
  } as const;
}

function unreadable(detail: string) {
  return {
    ok: false,
    failure: { kind: 'unreadable', title: 'The answer could not be read', detail },
  } as const;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Left to the schema, which says what is missing.
    return undefined;
  }
}
