import type { EventLog } from '@flotilla/event-log';
import type { UpdateReport } from '@flotilla/contracts';
import type { Offer } from '../campaigns/campaign-service.ts';
import { publishUpdateEvent } from '../campaigns/update-event-log.ts';
import type { DeviceRow } from '../devices/device-store.ts';
import { mayBeOffered } from '../lifecycle/domain/lifecycle-machine.ts';
import type { IdentityStore } from './identity-store.ts';

/** First firmwares are reported like those of campaigns, under a name made of the rule's. */
export function firstFirmwareId(ruleId: string): string {
  return `cmp_${ruleId.slice(ruleId.indexOf('_') + 1)}`;
}

export interface FirstFirmwareDeps {
  readonly identities: IdentityStore;
  readonly eventLog: EventLog;
}

/** What the rule of a new device has it run before any campaign. */
export class FirstFirmware {
  readonly #deps: FirstFirmwareDeps;
  constructor(deps: FirstFirmwareDeps) {
    this.#deps = deps;
  }

  /** Whether the device becomes active only once it runs something. */
  async isAwaited(deviceId: string): Promise<boolean> {
    const identity = await this.#deps.identities.find(deviceId);
    return identity?.first_firmware_id !== null && identity?.first_firmware_id !== undefined;
  }

  /** Null for a device that runs something, or whose rule names nothing. */
  async offerFor(device: DeviceRow, runningVersion: string | null): Promise<Offer | null> {
    if (runningVersion !== null || !mayBeOffered(device.lifecycle, 'first_firmware')) return null;
    const identity = await this.#deps.identities.find(device.id);
    const { rule_id: ruleId = null, first_firmware_id: firmwareId = null } = identity ?? {};
    if (ruleId === null || firmwareId === null) return null;
    const campaignId = firstFirmwareId(ruleId);
    return { campaignId, phase: 1, round: 1, firmwareId, deltaFallbackMaxBytes: null };
  }

  /** False when the report is about something else; a campaign then. */
  async takeReport(device: DeviceRow, report: UpdateReport, nowMs: number): Promise<boolean> {
    const identity = await this.#deps.identities.find(device.id);
    const { rule_id: ruleId = null } = identity ?? {};
    if (ruleId === null || report.campaignId !== firstFirmwareId(ruleId)) return false;
    await publishUpdateEvent(this.#deps.eventLog, device, report, nowMs);
    return true;
  }
}
