import {
  createServer,
  request,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { gunzipSync } from 'node:zlib';
import { HTTP_BATCH_ID } from '@flotilla/contracts';
import { countRows } from './otlp-row-count.ts';

/** What one acknowledged batch promised. */
export interface AcknowledgedBatch {
  readonly batchId: string;
  readonly rows: number;
}

/**
 * A proxy between agents and collector that writes down every batch the agent was told is safe.
 * What the warehouse holds is later compared with this ledger, which neither side can influence.
 */
export class AcknowledgementLedger {
  readonly #server: Server;
  readonly #collectorUrl: string;
  readonly #batches = new Map<string, AcknowledgedBatch>();

  private constructor(collectorUrl: string) {
    this.#collectorUrl = collectorUrl;
    this.#server = createServer((incoming, outgoing) => {
      this.#forward(incoming, outgoing).catch(() => {
        // The collector is gone: the agent sees what it would see without a proxy.
        if (outgoing.headersSent) outgoing.destroy();
        else outgoing.writeHead(503, { 'retry-after': '1' }).end();
      });
    });
  }

  static async start(collectorUrl: string): Promise<AcknowledgementLedger> {
    const ledger = new AcknowledgementLedger(collectorUrl);
    await new Promise<void>((resolve) => ledger.#server.listen(0, '127.0.0.1', () => resolve()));
    return ledger;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the ledger is closed');
    return `http://127.0.0.1:${address.port}`;
  }

  get batches(): readonly AcknowledgedBatch[] {
    return [...this.#batches.values()];
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await readAll(incoming);
    const answer = await send(new URL(incoming.url ?? '/', this.#collectorUrl), incoming, body);
    const answerBody = await readAll(answer);
    if (answer.statusCode === 200) this.#record(incoming, body);
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers).end(answerBody);
  }

  #record(incoming: IncomingMessage, body: Buffer): void {
    const batchId = incoming.headers[HTTP_BATCH_ID];
    if (typeof batchId !== 'string') throw new Error('an agent sent a batch without an id');
    const plain = incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    const signal = incoming.url?.endsWith('/logs') === true ? 'logs' : 'metrics';
    this.#batches.set(batchId, { batchId, rows: countRows(signal, plain) });
  }
}

function send(url: URL, incoming: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { ...incoming.headers, host: url.host };
    const outgoing = request(url, { method: incoming.method, headers }, resolve);
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
