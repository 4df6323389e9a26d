import { createHash } from 'node:crypto';
import type { RollbackOrder } from '@flotilla/contracts';
import type { Logger } from '@flotilla/service';
import { otherSlot, type SlotName } from '../slots/domain/slot-state.ts';
import { SlotResumeError, type BootedSlot, type SlotBackend } from '../slots/slot-backend.ts';
import type { AttemptLedger } from './attempt-ledger.ts';
import { newAttempt, type UpdateAttempt } from './update-attempt.ts';
import type { UpdateHistory } from './update-history.ts';

export interface WayBackOptions {
  readonly slots: SlotBackend;
  readonly ledger: AttemptLedger;
  readonly history: Pick<UpdateHistory, 'outcomeOf'>;
  readonly newId: () => string;
  readonly logger: Logger;
}

/** Back to the confirmed firmware of the other slot, because ota-service says so. */
export class WayBack {
  readonly #options: WayBackOptions;
  #refused: string | null = null;

  constructor(options: WayBackOptions) {
    this.#options = options;
  }

  /**
   * True when the order was taken and the device has to boot anew. An order about a version that does
   * not run here is done with, or was never for this device.
   */
  async begin(order: RollbackOrder, running: BootedSlot | null): Promise<boolean> {
    const { slots, ledger, history, newId, logger } = this.#options;
    if (ledger.phase !== 'IDLE' || running?.content.version !== order.fromVersion) return false;
    // Obeyed once: whoever repeats an old order must not undo an update that came after it.
    if (history.outcomeOf(order.campaignId, order.round) === 'rolled_back') return false;
    const target = otherSlot(running.slot);
    const version = await this.#intactVersion(target);
    if (version === null) {
      if (this.#refused !== order.fromVersion) {
        logger.error({ order, target }, 'ordered back, but the other slot holds nothing confirmed');
      }
      this.#refused = order.fromVersion;
      return false;
    }
    const aim = { deployment: null, version: order.fromVersion, target, fromVersion: version };
    await ledger.begin('ordered_back', newAttempt(order, aim, newId));
    logger.warn({ order, target, environment: slots.environment() }, 'ordered back');
    await this.take(ledger.attempt);
    return true;
  }

  /** Repeatable. Until `settle` the loader may still return to the slot that is left. */
  async take({ target }: UpdateAttempt): Promise<void> {
    if (target !== null) await this.#options.slots.prefer(target);
  }

  /** It runs, or did not start after all: the one that runs is first from now on, and only it has tries. */
  async settle(running: SlotName): Promise<void> {
    await this.#options.slots.confirm(running);
  }

  /** Null unless the slot was confirmed once and its bytes still are what was confirmed. */
  async #intactVersion(slot: SlotName): Promise<string | null> {
    const { slots } = this.#options;
    if (slots.environment().slots[slot].kind !== 'good') return null;
    const content = await slots.content(slot);
    if (content === null) return null;
    const hash = createHash('sha256');
    try {
      for await (const chunk of slots.readBack(slot, 0, content.sizeBytes)) hash.update(chunk);
    } catch (error) {
      if (error instanceof SlotResumeError) return null;
      throw error;
    }
    return hash.digest('hex') === content.sha256 ? content.version : null;
  }
}
