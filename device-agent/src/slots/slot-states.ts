import type { BootEnvironmentStore } from './boot-environment-store.ts';
import * as boot from './domain/boot-decision.ts';
import type { SlotName } from './domain/slot-state.ts';
import type { SlotContent } from './slot-backend.ts';
import type { SlotRecords } from './slot-records.ts';

/** The part of a backend that is about the boot environment alone, whatever the slots are made of. */
export abstract class SlotStates {
  protected readonly store: BootEnvironmentStore;
  protected readonly records: SlotRecords;
  protected readonly tries: number;

  protected constructor(store: BootEnvironmentStore, records: SlotRecords, tries: number) {
    this.store = store;
    this.records = records;
    this.tries = tries;
  }

  environment(): boot.BootEnvironment {
    return this.store.current;
  }

  async content(slot: SlotName): Promise<SlotContent | null> {
    return this.records.content(slot);
  }

  async arm(slot: SlotName): Promise<void> {
    await this.store.change('arm', (now) => boot.armTarget(now, slot, this.tries));
  }

  async confirm(slot: SlotName): Promise<void> {
    await this.store.change('confirm', (now) => boot.confirmSlot(now, slot, this.tries));
    const content = await this.content(slot);
    if (content !== null) await this.records.recordProof(slot, content);
  }

  async prefer(slot: SlotName): Promise<void> {
    await this.store.change('prefer', (now) => boot.preferSlot(now, slot, this.tries));
  }

  async renewTries(slot: SlotName): Promise<void> {
    await this.store.change('renew', (now) => boot.renewTries(now, slot, this.tries));
  }

  async reject(slot: SlotName): Promise<void> {
    await this.store.change('disarm', (now) => boot.rejectTarget(now, slot));
  }

  async markUnreadable(slot: SlotName): Promise<void> {
    await this.store.change('unreadable', (now) => boot.markUnreadable(now, slot));
  }
}
