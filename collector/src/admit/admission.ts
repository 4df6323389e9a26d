import { ProblemError } from '@flotilla/service';
import type { Caller } from './caller.ts';
import { RateLimiter, type RateRule } from './rate-limit.ts';

export interface AdmissionRules {
  readonly perDevice: RateRule;
  /** A gateway sends for many devices. */
  readonly perGateway: RateRule;
  readonly total: RateRule;
}

const TOTAL = 'all senders';

/** Who may send how much; the same for every transport. */
export class Admission {
  readonly #devices: RateLimiter;
  readonly #gateways: RateLimiter;
  readonly #total: RateLimiter;

  constructor(rules: AdmissionRules) {
    this.#devices = new RateLimiter(rules.perDevice);
    this.#gateways = new RateLimiter(rules.perGateway);
    this.#total = new RateLimiter(rules.total, 1);
  }

  /** Throws ProblemError `too_many_requests`. A sender over its own limit costs the others nothing. */
  admit(caller: Caller, nowMs: number): void {
    const own = this.#limiterOf(caller).take(caller.deviceId, nowMs);
    if (!own.allowed) throw refusal(`${caller.deviceId} sends`, own.retryAfterSeconds);
    const total = this.#total.take(TOTAL, nowMs);
    if (!total.allowed) throw refusal('all senders together send', total.retryAfterSeconds);
  }

  charge(caller: Caller, sizeBytes: number): void {
    this.#limiterOf(caller).charge(caller.deviceId, sizeBytes);
    this.#total.charge(TOTAL, sizeBytes);
  }

  #limiterOf(caller: Caller): RateLimiter {
    return caller.gatewayFor === null ? this.#devices : this.#gateways;
  }
}

function refusal(who: string, retryAfterSeconds: number): ProblemError {
  return new ProblemError('too_many_requests', {
    detail: `${who} faster than the limit`,
    retryAfterSeconds,
  });
}
