interface BackendSrvRequest {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly data?: unknown;
  readonly responseType?: string;
}

interface Observer {
  readonly next?: (value: unknown) => void;
  readonly error?: (error: unknown) => void;
  readonly complete?: () => void;
}

/** `getBackendSrv().fetch`: a cold observable that is cancelled by unsubscribing. */
export function backendFetch(request: BackendSrvRequest): {
  subscribe(observer: Observer): { unsubscribe(): void };
} {
  return {
    subscribe(observer) {
      const controller = new AbortController();
      void send(request, controller.signal).then(
        (answer) => {
          if (controller.signal.aborted) return;
          observer.next?.(answer);
          observer.complete?.();
        },
        (error: unknown) => {
          if (!controller.signal.aborted) observer.error?.(error);
        },
      );
      return { unsubscribe: () => controller.abort() };
    },
  };
}

async function send(request: BackendSrvRequest, signal: AbortSignal): Promise<unknown> {
  const { url, method = 'GET', headers = {}, data, responseType } = request;
  const response = await fetch(url, {
    method,
    headers: { accept: 'application/json, text/plain, */*', ...headers },
    ...(data !== undefined && { body: bodyOf(data) }),
    signal,
  });
  const text = await response.text();
  const { status, statusText, ok } = response;
  if (ok) {
    const value: unknown = responseType === 'text' ? text : JSON.parse(text === '' ? '{}' : text);
    return { status, statusText, ok, headers: response.headers, url, data: value };
  }
  // A refusal is thrown, and a text in it wrapped, as Grafana does.
  const refusal = { message: text, error: statusText, response: text };
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- Grafana's errors are plain objects
  throw { status, statusText, data: refusal, config: request };
}

function bodyOf(data: unknown): BodyInit {
  if (typeof data === 'string' || data instanceof Blob) return data;
  return JSON.stringify(data);
}
