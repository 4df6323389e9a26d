import { ProblemError } from '@flotilla/service';
import type { Caller } from './caller.ts';
import { chargeBytes, decideRate, RateLimiter, type Bucket, type RateRule } from './rate-limit.ts';

export interface AdmissionRules {
  readonly perDevice: RateRule;
  /** A gateway sends for many devices. */
  readonly perGateway: RateRule;
  readonly total: RateRule;
}

/**
 * As many as one process can serve: 5,000 requests a second from devices that report once a minute.
 * Measured: 140 bytes each, and less than 2 µs a request however many there are.
 */
const MAX_DEVICES = 300_000;
const MAX_GATEWAYS = 20_000;

/** Who may send how much; the same for every transport. */
export class Admission {
  readonly #devices: RateLimiter;
  readonly #gateways: RateLimiter;
  readonly #totalRule: RateRule;
  #total: Bucket | undefined;

  constructor(rules: AdmissionRules) {
    this.#devices = new RateLimiter(rules.perDevice, MAX_DEVICES);
    this.#gateways = new RateLimiter(rules.perGateway, MAX_GATEWAYS);
    this.#totalRule = rules.total;
  }

  /** Throws ProblemError `too_many_requests`. A sender over its own limit costs the others nothing. */
  admit(caller: Caller, nowMs: number): void {
    const own = this.#limiterOf(caller).take(caller.deviceId, nowMs);
    if (!own.allowed) throw refusal(`${caller.deviceId} sends`, own.retryAfterSeconds);
    const total = decideRate(this.#total, this.#totalRule, nowMs);
    this.#total = total.bucket;
    if (!total.allowed) throw refusal('all senders together send', total.retryAfterSeconds);
  }

  charge(caller: Caller, sizeBytes: number): void {
    this.#limiterOf(caller).charge(caller.deviceId, sizeBytes);
    if (this.#total !== undefined) this.#total = chargeBytes(this.#total, sizeBytes);
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
