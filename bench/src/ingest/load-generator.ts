import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { pointsPerRequest, type BodyTemplate } from './workload.ts';

const HEAD_END = '\r\n\r\n';
/** A refusal that asks for patience (429, 503) is sent again after this. */
const RETRY_AFTER_MS = 20;

export interface LoadPlan {
  readonly url: string;
  readonly template: BodyTemplate;
  readonly requests: number;
  /** Device ids run from 0 below this, again and again. */
  readonly devices: number;
  readonly connections: number;
  /** The bearer token for a request that starts at this device; null sends none. */
  readonly tokenFor: ((device: number) => string) | null;
  /** Makes batch ids unique over all loads of a bench. */
  readonly run: string;
}

export interface LoadReport {
  readonly points: number;
  readonly elapsedMs: number;
  /** CPU that this process, which is the load generator, used meanwhile. */
  readonly cpuSeconds: number;
  readonly retries: number;
}

/**
 * Sends the plan's requests over kept-alive connections, one request under way on each; resolves
 * when all were answered 200, rejects at the first answer that is neither 200, 429 nor 503.
 */
export async function sendLoad(plan: LoadPlan): Promise<LoadReport> {
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  const state = { next: 0, retries: 0 };
  const count = Math.min(plan.connections, plan.requests);
  await Promise.all(Array.from({ length: count }, () => runConnection(plan, state)));
  const used = process.cpuUsage(cpu);
  return {
    points: plan.requests * pointsPerRequest(plan.template.shape),
    elapsedMs: performance.now() - startedAt,
    cpuSeconds: (used.user + used.system) / 1e6,
    retries: state.retries,
  };
}

async function runConnection(
  plan: LoadPlan,
  state: { next: number; retries: number },
): Promise<void> {
  const { hostname, port } = new URL(plan.url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  const answers = new Answers(socket);
  try {
    while (state.next < plan.requests) {
      const bytes = encodeRequest(plan, state.next++);
      for (;;) {
        const answer = answers.next();
        socket.write(bytes);
        const status = await answer;
        if (status === 200) break;
        if (status !== 429 && status !== 503) throw new Error(`the collector answered ${status}`);
        state.retries += 1;
        await delay(RETRY_AFTER_MS);
      }
    }
  } finally {
    socket.destroy();
  }
}

function encodeRequest(plan: LoadPlan, request: number): Buffer {
  const { template, devices } = plan;
  const first = (request * template.shape.devicesPerRequest) % devices;
  const sequence = Math.floor((request * template.shape.devicesPerRequest) / devices);
  const token = plan.tokenFor === null ? '' : `authorization: Bearer ${plan.tokenFor(first)}\r\n`;
  const head =
    'POST /v1/metrics HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/x-protobuf\r\n' +
    `${token}x-flotilla-batch-id: ${plan.run}-${request}\r\n` +
    `content-length: ${template.sizeBytes}${HEAD_END}`;
  const bytes = Buffer.allocUnsafe(head.length + template.sizeBytes);
  bytes.write(head, 0, 'latin1');
  template.writeTo(bytes, head.length, first, sequence);
  return bytes;
}

/** Reads status lines off a connection; a body is skipped by its declared length. */
class Answers {
  #text = '';
  #waiting: PromiseWithResolvers<number> | null = null;

  constructor(socket: Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => this.#take(chunk));
    socket.on('error', (error) => this.#waiting?.reject(error));
    socket.on('close', () => this.#waiting?.reject(new Error('the collector hung up')));
  }

  next(): Promise<number> {
    this.#waiting = Promise.withResolvers<number>();
    return this.#waiting.promise;
  }

  #take(chunk: string): void {
    this.#text += chunk;
    const headEnd = this.#text.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const length = /\r\ncontent-length: *(\d+)/i.exec(this.#text.slice(0, headEnd))?.[1] ?? '0';
    const end = headEnd + HEAD_END.length + Number(length);
    if (this.#text.length < end) return;
    const status = Number(this.#text.slice(9, 12));
    this.#text = this.#text.slice(end);
    this.#waiting?.resolve(status);
    this.#waiting = null;
  }
}
