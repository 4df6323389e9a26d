import type { UpdateState } from '@flotilla/contracts';
import { cutoffsOf, type Campaign } from '../../src/campaigns/domain/campaign.ts';
import { stepCampaign, type CampaignAct } from '../../src/campaigns/domain/campaign-machine.ts';
import { deviceRank, phaseOfRank } from '../../src/campaigns/domain/campaign-plan.ts';
import { judge, type Judgement } from '../../src/campaigns/domain/campaign-verdict.ts';
import type { Observation } from '../../src/campaigns/domain/observation.ts';
import { decideOffer, type Offer } from '../../src/campaigns/domain/offer-decision.ts';
import { CensusTaker, type CensusDevice } from '../../src/campaigns/domain/phase-census.ts';
import { observedPhase, sampleCampaign } from './sample-campaign.ts';

interface Attempt {
  round: number;
  state: UpdateState;
  startedAtMs: number | null;
}

/** A fleet, a campaign and a warehouse that is always current, all in memory. */
export class CampaignModel {
  campaign: Campaign;
  nowMs = 0;
  readonly devices: (CensusDevice & {
    lifecycle: CensusDevice['lifecycle'];
    firmwareVersion: string;
  })[];
  readonly attempts = new Map<string, Attempt[]>();
  readonly offers: {
    deviceId: string;
    offer: Offer;
    status: Campaign['status'];
    currentPhase: number;
  }[] = [];

  constructor(deviceIds: readonly string[], over: Parameters<typeof sampleCampaign>[1]) {
    this.campaign = sampleCampaign(deviceIds, over);
    this.devices = deviceIds.map((id) => ({
      id,
      group: 'default',
      lifecycle: 'active',
      firmwareVersion: '1.0.0',
      withheldFirmwareId: null,
    }));
  }

  device(index: number) {
    const device = this.devices[index % this.devices.length];
    if (device === undefined) throw new Error('a model has at least one device');
    return device;
  }

  phaseOf(deviceId: string): number {
    return phaseOfRank(deviceRank(this.campaign.id, deviceId), cutoffsOf(this.campaign));
  }

  poll(index: number): void {
    const device = this.device(index);
    if (device.lifecycle !== 'active') return;
    const attempts = this.attempts.get(device.id) ?? [];
    const offer = decideOffer(device, [{ campaign: this.campaign, attempts }]);
    if (offer === null) return;
    const { status, currentPhase } = this.campaign;
    this.offers.push({ deviceId: device.id, offer, status, currentPhase });
    if (attempts.some((attempt) => attempt.round === offer.round)) return;
    this.attempts.set(device.id, [
      ...attempts,
      { round: offer.round, state: 'offered', startedAtMs: null },
    ]);
  }

  /** The device's newest attempt goes on, wherever the campaign stands by now. */
  report(index: number, state: 'trial' | 'confirmed' | 'failed' | 'rolled_back'): void {
    const device = this.device(index);
    const attempt = this.attempts.get(device.id)?.at(-1);
    if (attempt === undefined || !['offered', 'trial'].includes(attempt.state)) return;
    attempt.state = state;
    attempt.startedAtMs ??= this.nowMs;
    if (state === 'trial' || state === 'confirmed') device.firmwareVersion = this.campaign.version;
    else device.firmwareVersion = '1.0.0';
  }

  act(act: CampaignAct): void {
    const step = stepCampaign(this.campaign.status, act);
    if (!step.ok) return;
    const round = this.campaign.round + (act === 'resume' ? 1 : 0);
    const baseRound = act === 'resume' ? round : this.campaign.baseRound;
    this.campaign = { ...this.campaign, status: step.status, round, baseRound };
  }

  observe(): Observation {
    const taker = new CensusTaker(this.campaign);
    for (const device of this.devices) taker.add(device, this.attempts.get(device.id) ?? []);
    const census = taker.result();
    const phases = this.campaign.phases.map(({ phase }) => {
      const counts = { started: 0, confirmed: 0, failed: 0, rolledBack: 0, silent: 0 };
      for (const [deviceId, attempts] of this.attempts) {
        if (this.phaseOf(deviceId) !== phase || census.excludedIds.includes(deviceId)) continue;
        const confirmed = attempts.find(({ state }) => state === 'confirmed');
        const attempt = confirmed ?? attempts.find(({ round }) => round === this.campaign.round);
        if (attempt === undefined || attempt.state === 'offered') continue;
        counts.started += 1;
        if (attempt.state === 'confirmed') counts.confirmed += 1;
        else if (attempt.state === 'failed') counts.failed += 1;
        else if (attempt.state === 'rolled_back') counts.rolledBack += 1;
        else if (this.nowMs - (attempt.startedAtMs ?? 0) > this.campaign.deadlineMs)
          counts.silent += 1;
      }
      return observedPhase(phase, { devices: census.devices[phase - 1] ?? 0, ...counts });
    });
    return {
      kind: 'observed',
      phases,
      retired: census.leftOut.retired,
      hasVersion: census.leftOut.has_version,
      withheld: census.leftOut.incompatible,
    };
  }

  evaluate(observation: Observation = this.observe()): Judgement | null {
    const { campaign } = this;
    if (campaign.status !== 'running') return null;
    const settledAtMs = campaign.phases[campaign.currentPhase - 1]?.settledAtMs ?? null;
    const judgement = judge(
      { ...campaign, phaseCount: campaign.phases.length, settledAtMs },
      observation,
      this.nowMs,
    );
    if (judgement.kind === 'pause') this.act('auto_pause');
    if (judgement.kind === 'complete') this.act('complete');
    if (judgement.kind === 'advance') {
      this.campaign = { ...campaign, currentPhase: campaign.currentPhase + 1 };
    }
    return judgement;
  }
}
