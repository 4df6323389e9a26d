import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { LoadPlan, LoadReport } from './load-process.ts';
import type { Server } from './server.ts';

/** One measured series of requests. */
export interface Round {
  readonly requests: number;
  readonly perSecond: number;
  /** CPU of the server. */
  readonly cpuSecondsPer10k: number;
  readonly residentBytes: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  /** Answers that offered something. */
  readonly offers: number;
}

const PROGRAM = new URL('./load-process.ts', import.meta.url);

/** Sends the requests from another process and takes the server's cost; rejects unless all are 2xx. */
export async function measureRound(plan: LoadPlan, server: Server): Promise<Round> {
  const child = fork(PROGRAM, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  try {
    const before = await server.cpuSeconds();
    child.send(plan);
    const ended = once(child, 'exit').then(() => null);
    const answer = await Promise.race([once(child, 'message'), ended]);
    if (answer === null) throw new Error('the load process ended early');
    const used = (await server.cpuSeconds()) - before;
    const [report] = answer as [LoadReport];
    if (Object.keys(report.statuses).some((status) => !status.startsWith('2'))) {
      throw new Error(`answers by status: ${JSON.stringify(report.statuses)}`);
    }
    const requests = plan.requests.length;
    return {
      requests,
      perSecond: (requests * 1000) / report.elapsedMs,
      cpuSecondsPer10k: (used * 10_000) / requests,
      residentBytes: await server.residentBytes(),
      medianMs: report.medianMs,
      p99Ms: report.p99Ms,
      offers: report.offers,
    };
  } finally {
    child.kill('SIGTERM');
  }
}
