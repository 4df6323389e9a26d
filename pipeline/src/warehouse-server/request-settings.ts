import { BadQueryRequestError } from '../warehouse/http-request.ts';
import { literal } from '../warehouse/read-sessions.ts';

/** Parameters of ClickHouse's HTTP interface itself; every other one is a setting. */
const NOT_SETTINGS = new Set(
  `query query_id user password database default_format session_id session_timeout session_check
   quota_key role wait_end_of_query buffer_size client_protocol_version compress decompress
   enable_http_compression stacktrace close_session`.split(/\s+/),
);

/**
 * `SET …` for the settings and query parameters of a URL, or null when it has none. They hold for one
 * statement: each has a session of its own.
 */
export function settingsStatement(parameters: URLSearchParams): string | null {
  const assignments: string[] = [];
  for (const [name, value] of parameters) {
    if (NOT_SETTINGS.has(name)) continue;
    if (!/^[A-Za-z_]\w{0,127}$/.test(name)) {
      throw new BadQueryRequestError(400, 36, 'BAD_ARGUMENTS', 'a setting has an odd name');
    }
    assignments.push(`${name} = ${literal(value)}`);
  }
  return assignments.length === 0 ? null : `SET ${assignments.join(', ')}`;
}
