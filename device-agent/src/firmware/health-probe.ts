import { request } from 'node:http';

/**
 * True when GET answers 200 within the time. On a fresh connection each time: a connection kept from
 * before would say something about the process that was there before.
 */
export async function probeHealth(url: string, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = request(url, { agent: false, signal: AbortSignal.timeout(timeoutMs) });
    probe.once('response', (response) => {
      response.resume();
      response.once('error', () => resolve(false));
      response.once('end', () => resolve(response.statusCode === 200));
    });
    probe.once('error', () => resolve(false));
    probe.end();
  });
}
