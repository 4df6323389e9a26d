import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { z } from 'zod';

const HEAD_END = '\r\n\r\n';

/** What a load process is to send: each request once, one under way on each kept-alive connection. */
export const loadPlanSchema = z.object({
  host: z.string(),
  port: z.number(),
  connections: z.number(),
  /** Whole requests, as they go over the wire; nothing is left to compute while time is taken. */
  requests: z.array(z.string()),
});
export type LoadPlan = z.infer<typeof loadPlanSchema>;

export interface LoadReport {
  readonly elapsedMs: number;
  readonly cpuSeconds: number;
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Answers that offered something. */
  readonly offers: number;
  readonly medianMs: number;
  readonly p99Ms: number;
}

/** A process of its own, so that the load's cost is not the service's. */
process.on('message', (message) => {
  run(loadPlanSchema.parse(message)).then(
    (report) => process.send?.(report),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});

async function run(plan: LoadPlan): Promise<LoadReport> {
  const latencies: number[] = [];
  const statuses: Record<string, number> = {};
  let next = 0;
  let offers = 0;
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  const worker = async () => {
    const socket = connect({ host: plan.host, port: plan.port, noDelay: true });
    await once(socket, 'connect');
    const answers = new Answers(socket);
    for (;;) {
      const request = plan.requests[next++];
      if (request === undefined) break;
      const sentAt = performance.now();
      const { status, body } = await answers.to(request);
      latencies.push(performance.now() - sentAt);
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (body.includes('"cmp_') || body.includes('deploymentBase')) offers += 1;
    }
    socket.destroy();
  };
  const count = Math.min(plan.connections, plan.requests.length);
  await Promise.all(Array.from({ length: count }, worker));
  const used = process.cpuUsage(cpu);
  latencies.sort((a, b) => a - b);
  return {
    elapsedMs: performance.now() - startedAt,
    cpuSeconds: (used.user + used.system) / 1e6,
    statuses,
    offers,
    medianMs: latencies[Math.floor(latencies.length / 2)] ?? 0,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
  };
}

/** Answers on one connection, each with its length; chunked bodies end with the empty chunk. */
class Answers {
  readonly #socket: Socket;
  #text = '';
  #waiting: PromiseWithResolvers<{ status: number; body: string }> | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => this.#take(chunk));
    socket.on('error', (error) => this.#waiting?.reject(error));
    socket.on('close', () => this.#waiting?.reject(new Error('the server hung up')));
  }

  to(request: string): Promise<{ status: number; body: string }> {
    this.#waiting = Promise.withResolvers();
    this.#socket.write(request, 'latin1');
    return this.#waiting.promise;
  }

  #take(chunk: string): void {
    this.#text += chunk;
    const headEnd = this.#text.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = this.#text.slice(0, headEnd);
    const bodyStart = headEnd + HEAD_END.length;
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    const isChunked = /\r\ntransfer-encoding: *chunked/i.test(head);
    const isWhole = isChunked
      ? this.#text.endsWith('0\r\n\r\n')
      : this.#text.length >= bodyStart + Number(length ?? 0);
    if (!isWhole) return;
    const answer = { status: Number(head.slice(9, 12)), body: this.#text.slice(bodyStart) };
    this.#text = '';
    this.#waiting?.resolve(answer);
    this.#waiting = null;
  }
}
