import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { DatabaseSync } from 'node:sqlite';
import type { ResolvedOptions } from '../event-log-options.ts';
import { GroupHeldError, GroupLostError } from '../log-errors.ts';
import { ownIdentity, processState } from './holder-process.ts';
import { writeTransaction } from './log-database.ts';
import type { HolderRow, Statements } from './statements.ts';

const JOIN_POLL_MS = 100;

/**
 * May the group be taken? A living holder keeps it even when its renewals are late, since it may be
 * in the middle of a range; only where its process cannot be seen does the expiry decide.
 */
export function mayTake(
  holder: Pick<HolderRow, 'expiresAtMs'> | undefined,
  state: 'alive' | 'gone' | 'unknown',
  nowMs: number,
): boolean {
  if (holder === undefined || state === 'gone') return true;
  return state === 'unknown' && nowMs > holder.expiresAtMs;
}

/** One member's hold on a group, kept in the log's database and renewed until released. */
export class GroupLease {
  readonly #database: DatabaseSync;
  readonly #statements: Statements;
  readonly #options: ResolvedOptions;
  readonly #group: string;
  readonly #token = randomUUID();
  #renewal: NodeJS.Timeout | undefined;
  #renewalFailure: unknown = undefined;

  constructor(
    group: string,
    database: DatabaseSync,
    statements: Statements,
    options: ResolvedOptions,
  ) {
    this.#group = group;
    this.#database = database;
    this.#statements = statements;
    this.#options = options;
  }

  /** Waits for a living holder up to `joinTimeoutMs`, then throws GroupHeldError. */
  async acquire(): Promise<void> {
    const deadline = performance.now() + this.#options.joinTimeoutMs;
    for (;;) {
      const holder = await this.#write(() => this.#tryTake());
      if (holder === null) break;
      if (performance.now() >= deadline) {
        throw new GroupHeldError(`group ${this.#group} is held by process ${holder.pid}`);
      }
      await delay(JOIN_POLL_MS);
    }
    this.#renewal = setInterval(() => void this.#renew(), this.#options.leaseMs / 3);
    this.#renewal.unref();
  }

  /** Throws GroupLostError when another member took over; call inside the transaction to be fenced. */
  check(): void {
    if (this.#statements.groupHolder.get({ group: this.#group })?.token !== this.#token) {
      throw new GroupLostError(`group ${this.#group} went to another member`, {
        cause: this.#renewalFailure,
      });
    }
  }

  async release(): Promise<void> {
    clearInterval(this.#renewal);
    await this.#write(() =>
      this.#statements.releaseGroup.run({ group: this.#group, token: this.#token }),
    );
  }

  #tryTake(): HolderRow | null {
    const own = ownIdentity(process.pid);
    const holder = this.#statements.groupHolder.get({ group: this.#group });
    const nowMs = this.#options.clock();
    const state = holder === undefined ? 'gone' : processState(holder, own);
    if (holder !== undefined && !mayTake(holder, state, nowMs)) return holder;
    const expiresAtMs = nowMs + this.#options.leaseMs;
    this.#statements.takeGroup.run({ group: this.#group, token: this.#token, ...own, expiresAtMs });
    return null;
  }

  async #renew(): Promise<void> {
    const expiresAtMs = this.#options.clock() + this.#options.leaseMs;
    try {
      await this.#write(() =>
        this.#statements.renewGroup.run({ group: this.#group, token: this.#token, expiresAtMs }),
      );
    } catch (error) {
      // The next turn tries again; if the hold is lost meanwhile, check() reports this as the cause.
      this.#renewalFailure = error;
    }
  }

  #write<T>(work: () => T): Promise<T> {
    return writeTransaction(this.#database, this.#options.writeTimeoutMs, work);
  }
}
