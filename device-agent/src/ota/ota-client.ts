import {
  pollResponseSchema,
  type DecommissionReport,
  type PollRequest,
  type PollResponse,
  type UpdateReport,
} from '@flotilla/contracts';
import { parseRetryAfter } from '@flotilla/otlp-queue';

/** An answer, or why there is none. Only `refused` is the caller's fault; the rest is worth a retry. */
export type OtaAnswer<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'retry'; readonly why: string; readonly afterMs: number | null }
  | { readonly kind: 'refused'; readonly why: string; readonly status: number };

export interface OtaClientOptions {
  readonly baseUrl: string;
  /** Null where a certificate says who asks. */
  readonly token: string | null;
  /** Instead of the platform's, e.g. with a certificate. */
  readonly fetch?: typeof fetch;
  readonly requestTimeoutMs: number;
  readonly now: () => number;
}

/** These mean "not now" or "not with this token yet", never "not this request". */
const RETRIED_STATUSES: ReadonlySet<number> = new Set([401, 408, 425, 429]);

const MAX_ANSWER_BYTES = 1024 * 1024;
const MAX_FAULT_BYTES = 4096;

/** The device's side of ota-service's device API. Never throws for what the network does. */
export class OtaClient {
  readonly #options: OtaClientOptions;

  constructor(options: OtaClientOptions) {
    this.#options = options;
  }

  /** For whatever else is had from ota-service. */
  get fetch(): typeof fetch {
    return this.#options.fetch ?? fetch;
  }

  async poll(request: PollRequest, signal: AbortSignal): Promise<OtaAnswer<PollResponse>> {
    return this.#post('/device/v1/poll', request, signal, async (response) =>
      pollResponseSchema.parse(JSON.parse(await textOf(response, MAX_ANSWER_BYTES))),
    );
  }

  async report(report: UpdateReport, signal: AbortSignal): Promise<OtaAnswer<null>> {
    return this.#post('/device/v1/reports', report, signal, async (response) => {
      await response.body?.cancel();
      return null;
    });
  }

  async reportDeparture(
    done: DecommissionReport['done'],
    signal: AbortSignal,
  ): Promise<OtaAnswer<null>> {
    return this.#post('/device/v1/decommission', { done }, signal, async (response) => {
      await response.body?.cancel();
      return null;
    });
  }

  /** Appended to the base as text, so that no path leads the token to another host. */
  resolve(path: string): string {
    return `${this.#options.baseUrl.replace(/\/+$/, '')}/${path.replace(/^\/+/, '')}`;
  }

  authorization(): Readonly<Record<string, string>> {
    const { token } = this.#options;
    return token === null ? {} : { authorization: `Bearer ${token}` };
  }

  async #post<T>(
    path: string,
    body: unknown,
    signal: AbortSignal,
    read: (response: Response) => Promise<T>,
  ): Promise<OtaAnswer<T>> {
    try {
      const response = await this.fetch(this.resolve(path), {
        method: 'POST',
        headers: { ...this.authorization(), 'content-type': 'application/json' },
        body: JSON.stringify(body),
        // What a device says and its token are for this server alone.
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(this.#options.requestTimeoutMs)]),
      });
      if (response.ok) return { kind: 'ok', value: await read(response) };
      return await this.#notOk(response);
    } catch (error) {
      return { kind: 'retry', why: describe(error), afterMs: null };
    }
  }

  async #notOk(response: Response): Promise<OtaAnswer<never>> {
    const { status } = response;
    const text = await textOf(response, MAX_FAULT_BYTES).catch(() => 'more than fits here');
    const why = `ota-service answered ${status}: ${text}`;
    if (status >= 400 && status < 500 && !RETRIED_STATUSES.has(status)) {
      return { kind: 'refused', why, status };
    }
    const header = response.headers.get('retry-after');
    return { kind: 'retry', why, afterMs: parseRetryAfter(header, this.#options.now()) };
  }
}

/** Throws when there is more: whoever answers must not fill this device's memory. */
async function textOf(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`the answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  return `${error.message}${cause}`;
}
