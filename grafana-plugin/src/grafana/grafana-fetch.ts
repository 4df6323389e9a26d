import type { BackendSrv, FetchResponse } from '@grafana/runtime';

let requests = 0;

/**
 * `fetch` over Grafana's backend service, which adds the session, the organisation and the sub-path. Gives
 * a Response whatever the status is; rejects when there was no answer, or with AbortError.
 */
export function createGrafanaFetch(backend: Pick<BackendSrv, 'fetch'>): typeof fetch {
  return (input, init) => {
    const { signal } = init ?? {};
    return new Promise<Response>((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      requests += 1;
      const answers = backend.fetch<string>({
        url: urlOf(input),
        method: init?.method ?? 'GET',
        headers: Object.fromEntries(new Headers(init?.headers)),
        data: init?.body,
        responseType: 'text',
        // The pages say themselves what went wrong, where it matters.
        showErrorAlert: false,
        showSuccessAlert: false,
        requestId: `flotilla-${requests}`,
      });
      const subscription = answers.subscribe({
        next: (answer) => resolve(asResponse(answer)),
        error: (error) => (isAnswer(error) ? resolve(asResponse(error)) : reject(asError(error))),
      });
      signal?.addEventListener('abort', () => {
        subscription.unsubscribe();
        reject(signal.reason as Error);
      });
    });
  };
}

function urlOf(input: RequestInfo | URL): string {
  return typeof input === 'string' ? input : input instanceof URL ? input.href : input.url;
}

/** A refusal comes as an error that has the answer's fields; status 0 stands for no answer. */
function isAnswer(error: unknown): error is FetchResponse<unknown> {
  const status = (error as { status?: unknown } | null)?.status;
  return typeof status === 'number' && status > 0;
}

function asResponse({ status, data, headers }: FetchResponse<unknown>): Response {
  // A body is forbidden with these (Fetch, "null body status").
  const isEmpty = status === 204 || status === 205 || status === 304;
  return new Response(isEmpty ? null : textOf(data), { status, headers: new Headers(headers) });
}

/** Of a refusal Grafana wraps the text in an object. */
function textOf(data: unknown): string {
  if (typeof data === 'string') return data;
  const wrapped = (data as { response?: unknown } | null)?.response;
  return typeof wrapped === 'string' ? wrapped : JSON.stringify(data);
}

function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new TypeError('the request failed', { cause });
}
