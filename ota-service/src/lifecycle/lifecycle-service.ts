import { setImmediate } from 'node:timers/promises';
import type { Kysely, Transaction } from 'kysely';
import {
  decommissionOptionsSchema,
  type BulkLifecycle,
  type BulkLifecycleResult,
  type DecommissionOptions,
  type DeviceLifecycle,
  type LifecycleActor,
  type LifecycleChange,
} from '@flotilla/contracts';
import { ProblemError } from '@flotilla/service';
import type { Database } from '../db/database.ts';
import { decommissionView } from './decommission-view.ts';
import type { DecommissionStore } from './decommission-store.ts';
import { nextStates, stepLifecycle } from './domain/lifecycle-machine.ts';
import type { LifecycleStore } from './lifecycle-store.ts';

const HISTORY_ENTRIES = 200;
const PAGE_DEVICES = 200;
const MAX_REFUSALS_TOLD = 100;

export interface LifecycleServiceDeps {
  readonly database: Kysely<Database>;
  readonly store: LifecycleStore;
  readonly decommissions: DecommissionStore;
  /** Devices were retired: their way out begins at once rather than at the next look. */
  readonly onRetired: () => void;
  readonly clock: () => number;
}

type Outcome =
  | { readonly kind: 'changed' | 'unchanged' }
  | { readonly kind: 'refused'; readonly reason: string };

/** Moves devices through their lifecycle. */
export class LifecycleService {
  readonly #deps: LifecycleServiceDeps;
  constructor(deps: LifecycleServiceDeps) {
    this.#deps = deps;
  }

  /** Throws ProblemError `not_found`, or `conflict` where the machine has no such way. */
  async change(
    deviceId: string,
    change: LifecycleChange,
    actor: LifecycleActor = 'operator',
  ): Promise<DeviceLifecycle> {
    const outcome = await this.#changeOne(deviceId, change, actor);
    if (outcome === null) throw noDevice(deviceId);
    if (outcome.kind === 'refused') throw new ProblemError('conflict', { detail: outcome.reason });
    if (change.to === 'retired') this.#deps.onRetired();
    return this.view(deviceId);
  }

  /** Device by device: one that is refused keeps no other from changing. */
  async changeMany(bulk: BulkLifecycle): Promise<BulkLifecycleResult> {
    const { deviceIds, group, model } = bulk;
    const result = { changed: 0, unchanged: 0, refusedCount: 0 };
    const refused: { deviceId: string; detail: string }[] = [];
    const refuse = (deviceId: string, detail: string) => {
      result.refusedCount += 1;
      if (refused.length < MAX_REFUSALS_TOLD) refused.push({ deviceId, detail });
    };
    const missing = new Set(deviceIds ?? []);
    let afterId = '';
    for (;;) {
      const page = { deviceIds, group, model, afterId, limit: PAGE_DEVICES };
      const ids = await this.#deps.store.pageOf(page);
      for (const id of ids) {
        missing.delete(id);
        const outcome = await this.#changeOne(id, bulk, 'operator');
        if (outcome === null) continue;
        if (outcome.kind === 'refused') refuse(id, outcome.reason);
        else result[outcome.kind] += 1;
      }
      const last = ids.at(-1);
      if (last === undefined) break;
      afterId = last;
      // An embedded registry answers without leaving the event loop.
      await setImmediate();
    }
    const where = model === undefined ? 'there is no such device' : `is no device of ${model}`;
    for (const id of missing) refuse(id, where);
    if (bulk.to === 'retired' && result.changed > 0) this.#deps.onRetired();
    return { ...result, refused };
  }

  /** Throws ProblemError `not_found`. */
  async view(deviceId: string): Promise<DeviceLifecycle> {
    const { database, store, decommissions } = this.#deps;
    const device = await database
      .selectFrom('devices')
      .select('lifecycle')
      .where('id', '=', deviceId)
      .executeTakeFirst();
    if (device === undefined) throw noDevice(deviceId);
    const [entries, decommission, isQuarantined] = await Promise.all([
      store.history(deviceId, HISTORY_ENTRIES),
      decommissions.find(deviceId),
      store.isQuarantined(deviceId),
    ]);
    return {
      deviceId,
      lifecycle: device.lifecycle,
      next: nextStates(device.lifecycle, { isQuarantined }),
      items: entries.map((entry) => ({
        seq: entry.seq,
        from: entry.from_state,
        to: entry.to_state,
        reason: entry.reason,
        actor: entry.actor,
        at: new Date(entry.at_ms).toISOString(),
      })),
      decommission: decommission === undefined ? null : decommissionView(decommission),
    };
  }

  /** A provisioned device that is at work; nothing for any other. */
  async activate(deviceId: string, reason: string): Promise<boolean> {
    const { database, store, clock } = this.#deps;
    return database.transaction().execute(async (trx) => {
      const device = await store.lockDevice(trx, deviceId);
      if (device?.lifecycle !== 'provisioned') return false;
      if (stepLifecycle('provisioned', 'active', device).kind !== 'change') return false;
      const record = { from: 'provisioned', to: 'active', reason, actor: 'device' } as const;
      await store.record(trx, deviceId, record, clock());
      return true;
    });
  }

  /** Null when there is no such device. */
  #changeOne(
    deviceId: string,
    change: Pick<LifecycleChange, 'to' | 'reason' | 'decommission'>,
    actor: LifecycleActor,
  ): Promise<Outcome | null> {
    const { database, store } = this.#deps;
    return database.transaction().execute(async (trx): Promise<Outcome | null> => {
      const device = await store.lockDevice(trx, deviceId);
      if (device === undefined) return null;
      const step = stepLifecycle(device.lifecycle, change.to, device);
      if (step.kind !== 'change') return step;
      const record = { from: device.lifecycle, to: step.to, reason: change.reason, actor };
      await store.record(trx, deviceId, record, this.#deps.clock());
      if (step.to === 'retired') await this.#beginDecommission(trx, deviceId, change);
      return { kind: 'changed' };
    });
  }

  async #beginDecommission(
    trx: Transaction<Database>,
    deviceId: string,
    { decommission, reason }: Pick<LifecycleChange, 'decommission' | 'reason'>,
  ): Promise<void> {
    const options: DecommissionOptions = decommission ?? decommissionOptionsSchema.parse({});
    await this.#deps.decommissions.begin(trx, deviceId, options, reason, this.#deps.clock());
  }
}

function noDevice(deviceId: string): ProblemError {
  return new ProblemError('not_found', { detail: `no device ${deviceId}` });
}
