import { versionSchema, type UpdateReport } from '@flotilla/contracts';
import { ProblemError } from '@flotilla/service';
import type { CampaignService } from '../campaigns/campaign-service.ts';
import type { DevicePolls } from '../devices/device-polls.ts';
import type { DeviceRow, DeviceStore } from '../devices/device-store.ts';
import type { FirmwareRow, FirmwareStore } from '../firmware/firmware-store.ts';
import { stableUuid } from '../stable-uuid.ts';
import type { DdiAction, DdiActionStore } from './ddi-action-store.ts';
import type { DdiConfigData, DdiFeedback } from './ddi-schema.ts';
import { decideFeedback, isRevocable } from './domain/ddi-feedback.ts';

export interface DdiDeviceDeps {
  readonly devices: DeviceStore;
  readonly polls: Pick<DevicePolls, 'answer'>;
  readonly firmware: FirmwareStore;
  readonly actions: DdiActionStore;
  readonly campaigns: Pick<CampaignService, 'recordReport'>;
  readonly clock: () => number;
  /** From 1 to 2^31 - 1. */
  readonly newActionId: () => number;
}

/** What a DDI device is asked to do now. */
export type DdiTask =
  | { readonly kind: 'idle' }
  | { readonly kind: 'install'; readonly action: DdiAction }
  | { readonly kind: 'cancel'; readonly action: DdiAction };

/** Brings devices of the hawkBit DDI protocol into campaigns: offers as actions, feedback as reports. */
export class DdiDevices {
  readonly #deps: DdiDeviceDeps;
  constructor(deps: DdiDeviceDeps) {
    this.#deps = deps;
  }

  /**
   * Such a device does not say what it runs, so what it confirmed last counts. An offer that no longer
   * stands is cancelled, unless the device is about to boot it: then it finishes.
   */
  async poll(device: DeviceRow): Promise<DdiTask> {
    const { polls, actions, clock } = this.#deps;
    const open = await actions.openOf(device.id);
    if (open !== undefined && !isRevocable(open.state)) return { kind: 'install', action: open };
    const { deployment } = await polls.answer(device, {
      runningVersion: device.firmware_version,
      runningSha256: device.firmware_sha256,
      deltaCodecs: [],
    });
    if (open !== undefined) {
      const stands = deployment?.campaignId === open.campaign_id && deployment.round === open.round;
      return { kind: stands ? 'install' : 'cancel', action: open };
    }
    if (deployment === null) return { kind: 'idle' };
    const { campaignId, round, phase, target } = deployment;
    const firmware = await this.#deps.firmware.byVersion(
      device.model,
      target.slice(device.model.length + 1),
    );
    if (firmware === undefined) throw new Error(`there is no firmware behind ${target}`);
    const action = await actions.open({
      id: this.#deps.newActionId(),
      device_id: device.id,
      campaign_id: campaignId,
      round,
      phase,
      firmware_id: firmware.id,
      from_version: device.firmware_version,
      created_at_ms: clock(),
    });
    // An id in use: the next poll draws another.
    return action === null ? { kind: 'idle' } : { kind: 'install', action };
  }

  /** The device's own action; throws `not_found`. */
  async action(device: DeviceRow, id: number): Promise<DdiAction> {
    const action = await this.#deps.actions.find(id, device.id);
    if (action !== undefined) return action;
    throw new ProblemError('not_found', { detail: `${device.id} has no action ${id}` });
  }

  async firmwareOf(action: DdiAction): Promise<FirmwareRow> {
    const firmware = await this.#deps.firmware.byId(action.firmware_id);
    if (firmware === undefined) throw new Error(`action ${action.id} names an unknown firmware`);
    return firmware;
  }

  /** Throws `gone` for an action that is over, as the protocol wants it. */
  async feedback(device: DeviceRow, id: number, { status }: DdiFeedback): Promise<void> {
    const action = await this.#openAction(device, id);
    const decision = decideFeedback(action.state, status);
    if (decision.kind === 'note') return;
    const firmware = await this.firmwareOf(action);
    const nowMs = this.#deps.clock();
    const isProgress = decision.state === 'downloading' || decision.state === 'installing';
    const report: UpdateReport = {
      state: decision.state,
      ...(decision.reason !== undefined && { reason: decision.reason }),
      ...(decision.detail !== undefined && { detail: decision.detail }),
      // The same for a repeat.
      reportId: stableUuid(`ddi/${action.id}/${decision.state}`),
      campaignId: action.campaign_id,
      phase: action.phase,
      round: action.round,
      fromVersion: action.from_version,
      toVersion: firmware.version,
      transferBytes: isProgress ? 0 : firmware.size_bytes,
      usedDelta: false,
      occurredAt: new Date(nowMs).toISOString(),
    };
    await this.#deps.campaigns.recordReport(device.id, report, nowMs);
    if (decision.state === 'confirmed') await this.#runsNow(device, firmware, nowMs);
    const isOver = !isProgress && decision.state !== 'trial';
    // Last: a repeat after a crash finds the action open and the report known.
    await this.#deps.actions.setState(action.id, decision.state, isOver ? nowMs : null);
  }

  /** The answer to a cancel: taken, and the action is over without an outcome, or not. */
  async cancelFeedback(device: DeviceRow, id: number, { status }: DdiFeedback): Promise<void> {
    const action = await this.#openAction(device, id);
    const isTaken = status.execution === 'closed' || status.execution === 'canceled';
    if (!isTaken || status.result.finished === 'failure') return;
    await this.#deps.actions.close(action.id, this.#deps.clock());
  }

  /** Of what it says of itself, `version` names the firmware it runs, if the registry knows it. */
  async configure(device: DeviceRow, { mode, data }: DdiConfigData): Promise<void> {
    const version = versionSchema.safeParse(data['version']);
    if (mode === 'remove' || !version.success) return;
    const firmware = await this.#deps.firmware.byVersion(device.model, version.data);
    if (firmware !== undefined) await this.#runsNow(device, firmware, this.#deps.clock());
  }

  async #openAction(device: DeviceRow, id: number): Promise<DdiAction> {
    const action = await this.action(device, id);
    if (action.closed_at_ms === null) return action;
    throw new ProblemError('gone', { detail: `action ${id} is over` });
  }

  async #runsNow(device: DeviceRow, firmware: FirmwareRow, nowMs: number): Promise<void> {
    await this.#deps.devices.setState(
      device.id,
      {
        firmwareVersion: firmware.version,
        firmwareSha256: firmware.sha256,
        hardwareRevision: device.hardware_revision,
      },
      nowMs,
    );
  }
}
