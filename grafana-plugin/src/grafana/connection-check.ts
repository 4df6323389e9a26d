import { problemSchema } from '@flotilla/contracts';

export interface ConnectionCheck {
  readonly ok: boolean;
  readonly title: string;
  readonly detail: string;
}

/** Asks ota-service for its state by the way the pages go, and says in words what came of it. */
export async function checkConnection(
  request: typeof fetch,
  apiBase: string,
): Promise<ConnectionCheck> {
  let response: Response;
  let body: unknown;
  try {
    response = await request(`${apiBase}/api/v1/status`);
    body = JSON.parse(await response.text());
  } catch (error) {
    return {
      ok: false,
      title: 'ota-service does not answer',
      detail: error instanceof SyntaxError ? 'What answers is not ota-service.' : String(error),
    };
  }
  if (response.ok) {
    const { version } = body as { version?: unknown };
    return {
      ok: true,
      title: 'Connected',
      detail: `ota-service ${typeof version === 'string' ? version : 'of an unknown version'} answers.`,
    };
  }
  const problem = problemSchema.safeParse(body);
  if (problem.success && problem.data.code === 'unauthenticated') {
    return {
      ok: false,
      title: 'The token is refused',
      detail: 'ota-service is there and does not take this token.',
    };
  }
  const said = problem.success ? (problem.data.detail ?? problem.data.title) : messageOf(body);
  return {
    ok: false,
    title: 'The connection failed',
    detail: said ?? `Status ${response.status}.`,
  };
}

/** Grafana's own refusals, such as `plugin proxy route access denied`. */
function messageOf(body: unknown): string | undefined {
  const message = (body as { message?: unknown } | null)?.message;
  return typeof message === 'string' ? message : undefined;
}
