import { BadQueryRequestError } from './http-request.ts';
import { UnknownNativeTypeError } from './native-type.ts';
import { TooManyQueriesError } from './read-sessions.ts';

/** An error as ClickHouse's HTTP interface tells it. */
export interface QueryErrorAnswer {
  readonly status: number;
  readonly code: number;
  readonly text: string;
}

/** Codes whose HTTP status is not 500, as ClickHouse maps them. */
const STATUS_BY_CODE: ReadonlyMap<number, number> = new Map([
  [36, 400],
  [46, 404],
  [47, 404],
  [60, 404],
  [62, 400],
  [73, 400],
  [81, 404],
  [159, 408],
  [164, 403],
  [202, 503],
  [456, 400],
  [457, 400],
  [497, 403],
]);

export function queryError(error: unknown): QueryErrorAnswer {
  if (error instanceof BadQueryRequestError) {
    return answer(error.status, error.code, error.message, error.type);
  }
  if (error instanceof TooManyQueriesError) {
    return answer(503, 202, error.message, 'TOO_MANY_SIMULTANEOUS_QUERIES');
  }
  if (error instanceof UnknownNativeTypeError) {
    const text = `${error.message} in Native with a client_protocol_version`;
    return answer(501, 48, text, 'NOT_IMPLEMENTED');
  }
  const message = error instanceof Error ? error.message : String(error);
  const code = Number(/Code: (\d+)\. DB::Exception/.exec(message)?.[1] ?? 1002);
  const text = message.startsWith('Code: ')
    ? message
    : `Code: ${code}. DB::Exception: ${message} (UNKNOWN_EXCEPTION)`;
  return { status: STATUS_BY_CODE.get(code) ?? 500, code, text: `${text}\n` };
}

function answer(status: number, code: number, message: string, type: string): QueryErrorAnswer {
  return { status, code, text: `Code: ${code}. DB::Exception: ${message}. (${type})\n` };
}
