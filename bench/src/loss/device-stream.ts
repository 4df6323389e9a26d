import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { HTTP_BATCH_ID } from '@flotilla/contracts';
import { encodeBatch, type Signal } from './batches.ts';

export interface StreamOptions {
  readonly collectorUrl: string;
  readonly token: string;
  readonly deviceId: string;
  readonly signal: Signal;
  readonly pointsPerBatch: number;
  readonly pauseMs: number;
  readonly random: () => number;
}

/** What one stream did. A batch is sent until it is acknowledged, so points acknowledged are points sent. */
export interface StreamAccount {
  readonly deviceId: string;
  readonly signal: Signal;
  batches: number;
  points: number;
  /** Attempts without an acknowledgement: what was in flight at a kill, and refusals that ask to retry. */
  failedAttempts: number;
}

const ATTEMPT_TIMEOUT_MS = 10_000;
const RETRY_PAUSE_MS = 150;

class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/** A device that sends one batch after the other, each under its own id until it is acknowledged. */
export async function runStream(options: StreamOptions, stop: AbortSignal): Promise<StreamAccount> {
  const { deviceId, signal, pointsPerBatch, random } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const account = { deviceId, signal, batches: 0, points: 0, failedAttempts: 0 };
  while (!stop.aborted) {
    const body = encodeBatch(signal, deviceId, account.points, pointsPerBatch, Date.now());
    const batchId = randomUUID();
    while (!(await attempt(options, agent, batchId, body))) {
      account.failedAttempts += 1;
      await delay(RETRY_PAUSE_MS * (0.5 + random()));
    }
    account.batches += 1;
    account.points += pointsPerBatch;
    await delay(options.pauseMs * (0.5 + random()));
  }
  agent.destroy();
  return account;
}

/** True when acknowledged, false when the batch must be sent again. */
function attempt(
  { collectorUrl, token, signal }: StreamOptions,
  agent: Agent,
  batchId: string,
  body: Uint8Array,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${collectorUrl}/v1/${signal}`,
      {
        method: 'POST',
        agent,
        timeout: ATTEMPT_TIMEOUT_MS,
        headers: {
          'content-type': 'application/x-protobuf',
          'content-length': body.length,
          authorization: `Bearer ${token}`,
          [HTTP_BATCH_ID]: batchId,
        },
      },
      (answer) => {
        const status = answer.statusCode ?? 0;
        answer.resume();
        answer.once('error', () => resolve(false));
        answer.once('end', () => {
          if (status === 200) resolve(true);
          else if (status === 429 || status >= 500) resolve(false);
          else reject(new RefusedError(`the collector answered ${status}`));
        });
      },
    );
    outgoing.once('timeout', () => outgoing.destroy(new Error('no answer')));
    // A connection that broke says nothing about the batch: it may be stored, so it goes again.
    outgoing.once('error', () => resolve(false));
    outgoing.end(body);
  });
}
