import {
  decommissionOptionsSchema,
  decommissionViewSchema,
  type DecommissionOptions,
  type DecommissionOrder,
  type DecommissionStep,
} from '@flotilla/contracts';
import type { Logger } from '@flotilla/service';
import type { Leases } from '../db/leases.ts';
import type { DecommissionRow, DecommissionStore } from './decommission-store.ts';
import {
  decideDecommission,
  decommissionOrder,
  type DecommissionDecision,
  type DecommissionState,
} from './domain/decommission-step.ts';

const TURN_MS = 1000;
const ROWS_A_TURN = 100;
const MAX_RETRY_MS = 300_000;
const LEASE = 'decommissioning';

const stepsSchema = decommissionViewSchema.shape.steps;

/** Does what a step is about and says what it did. A crash may have it done again. */
export type DecommissionEffect = (
  deviceId: string,
  options: DecommissionOptions,
) => Promise<string>;
export type DecommissionEffects = Readonly<
  Record<Exclude<DecommissionStep, 'done'>, DecommissionEffect>
>;

export interface DecommissioningDeps {
  readonly store: DecommissionStore;
  readonly effects: DecommissionEffects;
  readonly leases: Pick<Leases, 'during'>;
  readonly clock: () => number;
  readonly logger: Logger;
}

/** Takes retired devices out, step by step; whatever was stored is where it goes on after a crash. */
export class Decommissioning {
  readonly #deps: DecommissioningDeps;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> | undefined;

  constructor(deps: DecommissioningDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = setInterval(() => this.wake(), TURN_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#turn;
  }

  /** Looks now rather than at the next turn. */
  wake(): void {
    this.#turn ??= this.runDue()
      .catch((err: unknown) => this.#deps.logger.error({ err }, 'decommissioning failed'))
      .finally(() => (this.#turn = undefined));
  }

  /** One replica at a time. */
  async runDue(): Promise<void> {
    const { store, leases, clock } = this.#deps;
    await leases.during(LEASE, async (signal) => {
      for (const row of await store.due(clock(), ROWS_A_TURN)) {
        if (signal.aborted) return;
        await this.#advance(row);
      }
    });
  }

  /** What the device shall do; null when it is not on its way out, or nothing more is asked of it. */
  async orderFor(deviceId: string): Promise<DecommissionOrder | null> {
    const row = await this.#deps.store.find(deviceId);
    const order = row === undefined ? null : decommissionOrder(stateOf(row));
    return order === null ? null : { order };
  }

  async noteDone(deviceId: string, done: 'drained' | 'wiped'): Promise<void> {
    await this.#deps.store.noteDone(deviceId, done, this.#deps.clock());
    this.wake();
  }

  async #advance(row: DecommissionRow): Promise<void> {
    const { store, clock, logger } = this.#deps;
    let state = stateOf(row);
    const steps = stepsSchema.parse(JSON.parse(row.steps_json));
    try {
      for (;;) {
        const decision = decideDecommission(state, clock());
        if (decision.kind !== 'do') {
          const next_at_ms = decision.kind === 'wait' ? decision.untilMs : null;
          await this.#beforeWait(row.device_id, state);
          await store.update(row.device_id, { next_at_ms });
          return;
        }
        const detail = await this.#do(row.device_id, state, decision);
        steps.push({ step: state.step, at: new Date(clock()).toISOString(), detail });
        state = { ...state, step: decision.next };
        await store.update(row.device_id, {
          step: state.step,
          steps_json: JSON.stringify(steps),
          last_error: null,
          failures: 0,
          ...(decision.wipe !== undefined && { wipe: decision.wipe }),
        });
      }
    } catch (err) {
      const failures = row.failures + 1;
      const waitMs = Math.min(MAX_RETRY_MS, 1000 * 2 ** Math.min(failures, 16));
      logger.error({ err, deviceId: row.device_id, step: state.step }, 'decommissioning waits');
      await store.update(row.device_id, {
        failures,
        last_error: err instanceof Error ? err.message : String(err),
        next_at_ms: clock() + waitMs,
      });
    }
  }

  /** A drain that is not over yet still has to become known to those who answer the device. */
  async #beforeWait(deviceId: string, { step, options }: DecommissionState): Promise<void> {
    if (step === 'drain') await this.#deps.effects.drain(deviceId, options);
  }

  async #do(
    deviceId: string,
    { step, options }: DecommissionState,
    decision: DecommissionDecision & { kind: 'do' },
  ): Promise<string> {
    if (step === 'done') return '';
    if (step === 'drain') return decision.detail ?? '';
    const did = await this.#deps.effects[step](deviceId, options);
    return decision.detail ?? did;
  }
}

function stateOf(row: DecommissionRow): DecommissionState {
  return {
    step: row.step,
    options: decommissionOptionsSchema.parse(JSON.parse(row.options_json)),
    requestedAtMs: row.requested_at_ms,
    drainedAtMs: row.drained_at_ms,
    wipedAtMs: row.wiped_at_ms,
  };
}
