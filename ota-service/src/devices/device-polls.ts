import {
  DELTA_CODEC,
  targetPath,
  type Deployment,
  type PollRequest,
  type PollResponse,
} from '@flotilla/contracts';
import { ProblemError } from '@flotilla/service';
import type { CampaignService, Offer, PollDecision } from '../campaigns/campaign-service.ts';
import type { DeviceIdentity } from '@flotilla/signing';
import type { DeltaJobs } from '../delta/delta-jobs.ts';
import type { DeltaStore } from '../delta/delta-store.ts';
import type { LifecycleService } from '../lifecycle/lifecycle-service.ts';
import type { FirstFirmware } from '../provisioning/first-firmware.ts';
import type { FirmwareRow, FirmwareStore } from '../firmware/firmware-store.ts';
import { decideOfferableTo } from '../firmware/domain/offerability.ts';
import type { ModelStore } from '../firmware/model-store.ts';
import { stringList } from '../firmware/string-list.ts';
import type { DeviceRow, DeviceStore, Withheld } from './device-store.ts';
import { chooseTransfer, type DeltaStatus } from './domain/choose-transfer.ts';
import { IdleDevices } from './idle-devices.ts';
import type { LastSeenBuffer } from './last-seen-buffer.ts';

/** A device that waits for its delta asks again soon. */
const WAITING_POLL_MS = 1000;

const NOTHING: PollDecision = { kind: 'nothing', untilMs: null };

export interface DevicePollDeps {
  readonly devices: DeviceStore;
  readonly lastSeen: LastSeenBuffer;
  readonly firmware: FirmwareStore;
  readonly models: Pick<ModelStore, 'byName'>;
  readonly deltas: DeltaStore;
  readonly deltaJobs: Pick<DeltaJobs, 'request'>;
  readonly campaigns: Pick<CampaignService, 'reachOf' | 'answerTo' | 'markOffered' | 'markOrdered'>;
  readonly lifecycle: Pick<LifecycleService, 'activate'>;
  readonly firstFirmware: Pick<FirstFirmware, 'isAwaited' | 'offerFor'>;
  readonly pollMs: number;
  readonly clock: () => number;
}

/** Answers "this runs here, what may I do?". */
export class DevicePolls {
  readonly #deps: DevicePollDeps;
  readonly #idle = new IdleDevices();

  constructor(deps: DevicePollDeps) {
    this.#deps = deps;
  }

  /**
   * From memory, in constant time: the answer for a device that had nothing to do, says of itself what
   * it said then, and that no campaign has come to since. Null when that is not known; then `answer`.
   */
  async answerIdle(
    { deviceId, model }: DeviceIdentity,
    poll: PollRequest,
  ): Promise<PollResponse | null> {
    const { campaigns, lastSeen, pollMs, clock } = this.#deps;
    const { epoch } = await campaigns.reachOf(model);
    const nowMs = clock();
    if (!this.#idle.isIdle(deviceId, poll, epoch, nowMs)) return null;
    lastSeen.note(deviceId, nowMs);
    return { pollAfterMs: pollMs, deployment: null };
  }

  async answer(registered: DeviceRow, poll: PollRequest): Promise<PollResponse> {
    const { campaigns, firstFirmware, pollMs, clock } = this.#deps;
    const nowMs = clock();
    const device = await this.#remember(registered, poll, nowMs);
    const idle: PollResponse = { pollAfterMs: pollMs, deployment: null };
    if (device.lifecycle === 'provisioned') {
      const first = await firstFirmware.offerFor(device, poll.runningVersion);
      return first === null ? idle : this.#offerFirst(device, first, poll, nowMs);
    }
    const { model } = device;
    const { epoch, reaches } = await campaigns.reachOf(model);
    const { runningVersion: firmwareVersion } = poll;
    const asking = { id: device.id, group: device.group_name, firmwareVersion };
    const decision = reaches(asking)
      ? await campaigns.answerTo({ ...asking, model, lifecycle: device.lifecycle }, nowMs)
      : NOTHING;
    if (decision.kind === 'rollback') {
      await campaigns.markOrdered(device.id, decision.order, nowMs);
      return { ...idle, rollback: decision.order };
    }
    if (decision.kind === 'nothing') {
      await this.#rememberWithheld(device, null, nowMs);
      // Whoever is in maintenance may be back at any time.
      if (device.lifecycle !== 'maintenance') {
        this.#idle.note(device.id, poll, { epoch, nowMs, untilMs: decision.untilMs });
      }
      return idle;
    }
    const { offer } = decision;
    const firmware = await this.#firmwareOf(offer);
    const hardwareRevision = poll.hardwareRevision ?? device.hardware_revision;
    const withheld = await this.#withheld(firmware, poll, hardwareRevision);
    await this.#rememberWithheld(device, withheld, nowMs);
    if (withheld !== null) return idle;
    const deployment = await this.#deploymentOf(offer, firmware, poll, nowMs);
    if (deployment === null) {
      return { pollAfterMs: Math.min(pollMs, WAITING_POLL_MS), deployment: null };
    }
    const stands = await this.#markOffered(device.id, offer, nowMs);
    return stands ? { pollAfterMs: pollMs, deployment } : idle;
  }

  /**
   * Exposure counts from here: the device has not heard of the version before this answer. False when
   * the campaign was paused or ended since the offer was decided.
   */
  async #markOffered(deviceId: string, offer: Offer, nowMs: number): Promise<boolean> {
    try {
      await this.#deps.campaigns.markOffered(deviceId, offer, nowMs);
      return true;
    } catch (error) {
      if (error instanceof ProblemError && error.code === 'conflict') return false;
      throw error;
    }
  }

  /** A device without firmware has nothing a delta could begin with; no campaign counts it yet. */
  async #offerFirst(
    device: DeviceRow,
    offer: Offer,
    poll: PollRequest,
    nowMs: number,
  ): Promise<PollResponse> {
    const { pollMs } = this.#deps;
    const firmware = await this.#firmwareOf(offer);
    const hardwareRevision = poll.hardwareRevision ?? device.hardware_revision;
    const withheld = await this.#withheld(firmware, poll, hardwareRevision);
    await this.#rememberWithheld(device, withheld, nowMs);
    if (withheld !== null) return { pollAfterMs: pollMs, deployment: null };
    return {
      pollAfterMs: pollMs,
      deployment: await this.#deploymentOf(offer, firmware, poll, nowMs),
    };
  }

  /**
   * A change is stored at once, for offers and deltas follow from it; a mere sighting can wait. A device
   * that waits for its first firmware is at work once it runs it, any other with its first poll.
   */
  async #remember(device: DeviceRow, poll: PollRequest, nowMs: number): Promise<DeviceRow> {
    const { lifecycle, firstFirmware } = this.#deps;
    const isStarting =
      device.lifecycle === 'provisioned' &&
      (poll.runningVersion !== null || !(await firstFirmware.isAwaited(device.id)));
    const reason = poll.runningVersion === null ? 'its first poll' : `runs ${poll.runningVersion}`;
    const isActive = isStarting && (await lifecycle.activate(device.id, reason));
    // A device that stops telling its revision still has it.
    const hardwareRevision = poll.hardwareRevision ?? device.hardware_revision;
    const unchanged =
      hardwareRevision === device.hardware_revision &&
      poll.runningVersion === device.firmware_version &&
      poll.runningSha256 === device.firmware_sha256;
    if (unchanged) {
      this.#deps.lastSeen.note(device.id, nowMs);
      return isActive ? { ...device, lifecycle: 'active' } : device;
    }
    await this.#deps.devices.setState(
      device.id,
      {
        firmwareVersion: poll.runningVersion,
        firmwareSha256: poll.runningSha256,
        hardwareRevision,
      },
      nowMs,
    );
    return isActive ? { ...device, lifecycle: 'active' } : device;
  }

  async #firmwareOf(offer: Offer): Promise<FirmwareRow> {
    const firmware = await this.#deps.firmware.byId(offer.firmwareId);
    if (firmware === undefined || firmware.state === 'draft') {
      throw new Error(`campaign ${offer.campaignId} offers ${offer.firmwareId}, not released`);
    }
    return firmware;
  }

  /** Null when the device may have it. */
  async #withheld(
    firmware: FirmwareRow,
    poll: PollRequest,
    hardwareRevision: string | null,
  ): Promise<Withheld | null> {
    const model = await this.#deps.models.byName(firmware.model);
    const offerable = decideOfferableTo(
      { runningVersion: poll.runningVersion, hardwareRevision },
      {
        version: firmware.version,
        state: firmware.state,
        minimumVersion: firmware.minimum_version,
        hardwareRevisions: stringList(firmware.hardware_revisions_json),
      },
      model?.floor_version ?? null,
    );
    if (offerable.kind === 'offerable') return null;
    return { firmwareId: firmware.id, reason: offerable.reason, detail: offerable.detail };
  }

  async #rememberWithheld(
    device: DeviceRow,
    withheld: Withheld | null,
    nowMs: number,
  ): Promise<void> {
    const unchanged =
      device.withheld_firmware_id === (withheld?.firmwareId ?? null) &&
      device.withheld_detail === (withheld?.detail ?? null);
    if (!unchanged) await this.#deps.devices.setWithheld(device.id, withheld, nowMs);
  }

  /** Null while the device shall wait for its delta. */
  async #deploymentOf(
    offer: Offer,
    firmware: FirmwareRow,
    poll: PollRequest,
    nowMs: number,
  ): Promise<Deployment | null> {
    const base = poll.runningSha256;
    const codecs = poll.deltaCodecs ?? [DELTA_CODEC];
    // Who reads no delta neither asks for one nor waits.
    const delta =
      base === null || codecs.length === 0
        ? { state: 'none' as const }
        : await this.#delta(base, firmware, codecs);
    const choice = chooseTransfer(delta, firmware.released_at_ms ?? 0, nowMs);
    if (choice.kind === 'wait') return null;
    const deltaFallbackMaxBytes = offer.deltaFallbackMaxBytes ?? null;
    return {
      campaignId: offer.campaignId,
      phase: offer.phase,
      round: offer.round,
      target: targetPath(firmware.model, firmware.version),
      full: {
        ...transfer(firmware.full_sha256, firmware.full_size_bytes),
        encoding: firmware.full_encoding,
      },
      delta:
        choice.kind === 'delta' && base !== null
          ? { ...transfer(choice.sha256, choice.sizeBytes), codec: choice.codec, baseSha256: base }
          : null,
      ...(deltaFallbackMaxBytes !== null && {
        deltaFallback: { maxBytes: deltaFallbackMaxBytes },
      }),
    };
  }

  /** Where the delta stands; asks for it when this device is the first that runs the base. */
  async #delta(
    baseSha256: string,
    target: FirmwareRow,
    codecs: readonly string[],
  ): Promise<DeltaStatus> {
    const { deltas, deltaJobs } = this.#deps;
    const pair = { baseSha256, targetSha256: target.sha256 };
    const row = await deltas.find(pair);
    if (row !== undefined && !codecs.includes(row.codec)) return { state: 'none' };
    if (row?.state === 'ready' && row.sha256 !== null && row.size_bytes !== null) {
      return { state: 'ready', sha256: row.sha256, sizeBytes: row.size_bytes, codec: row.codec };
    }
    if (row !== undefined) return { state: row.state === 'pending' ? 'pending' : 'none' };
    const released = await deltas.releasedArtifacts(target.model);
    const isBase = released.some((artifact) => artifact.sha256 === baseSha256);
    if (!isBase || baseSha256 === target.sha256) return { state: 'none' };
    await deltaJobs.request(pair);
    return { state: 'pending' };
  }
}

function transfer(sha256: string, sizeBytes: number) {
  return { path: `/device/v1/artifacts/${sha256}`, sha256, sizeBytes };
}
