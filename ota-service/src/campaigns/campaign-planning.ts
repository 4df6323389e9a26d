import type { Kysely } from 'kysely';
import type { LeftOutReason } from '@flotilla/contracts';
import type { Database } from '../db/database.ts';
import { decideOfferableTo } from '../firmware/domain/offerability.ts';
import type { CampaignDraft } from './campaign-draft.ts';
import type { PlannedPhase } from './domain/campaign-plan.ts';
import { placeDevice } from './domain/phase-census.ts';
import { PhasePlanner } from './domain/phase-planner.ts';
import { fleetPages, type FleetDevice } from './fleet-pages.ts';

export type Placing =
  | { readonly kind: 'member' | 'outside' }
  | { readonly kind: 'left_out'; readonly reason: LeftOutReason; readonly detail: string };

export interface CampaignPlan {
  readonly deviceCount: number;
  readonly phases: readonly PlannedPhase[];
}

/**
 * Cuts the devices that need the version now into phases; `onDevice` sees every device of the model once,
 * after it was placed.
 */
export async function planCampaign(
  database: Kysely<Database>,
  draft: CampaignDraft,
  onDevice: (device: FleetDevice, placing: Placing) => void = () => undefined,
): Promise<CampaignPlan> {
  const { campaign, shares } = draft;
  const pages = { list: draft.listed, withLabels: campaign.rules.selector !== null };
  const planner = new PhasePlanner(campaign.id, shares);
  for await (const { devices } of fleetPages(database, campaign, pages)) {
    for (const device of devices) {
      const placing = placeAtFirst(draft, device);
      if (placing.kind === 'member') planner.count(device.id);
      onDevice(device, placing);
    }
  }
  planner.endCount();
  for await (const { devices } of fleetPages(database, campaign, pages)) {
    for (const device of devices) {
      if (placeAtFirst(draft, device).kind === 'member') planner.collect(device.id);
    }
  }
  return { deviceCount: planner.deviceCount, phases: planner.phases() };
}

/** By what the registry knows; a device that never told its hardware may turn out to fit. */
export function placeAtFirst(draft: CampaignDraft, device: FleetDevice): Placing {
  // A target that is fixed is whoever fits when it is fixed.
  const { rules } = draft.campaign;
  const list = draft.listed === null ? 'none' : 'and';
  const campaign = { ...draft.campaign, rules: { ...rules, list } as const };
  const place = placeDevice(campaign, { ...device, withheldFirmwareId: null }, []);
  if (place === 'outside') return { kind: 'outside' };
  if (place !== 'member') return { kind: 'left_out', reason: place, detail: words(device, place) };
  const { firmwareVersion: runningVersion, hardwareRevision } = device;
  const fits = decideOfferableTo(
    { runningVersion, hardwareRevision },
    draft.firmware,
    draft.floorVersion,
  );
  if (fits.kind === 'offerable') return { kind: 'member' };
  return { kind: 'left_out', reason: 'incompatible', detail: fits.detail };
}

function words(device: FleetDevice, reason: LeftOutReason): string {
  switch (reason) {
    case 'retired':
      return 'is retired';
    case 'has_version':
      return 'runs it already';
    case 'newer_version':
      return `runs ${device.firmwareVersion ?? 'nothing'}, which is newer`;
    case 'rolled_back_before':
      return 'rolled this version back in an earlier campaign';
    case 'incompatible':
      return 'does not fit the firmware';
    case 'out_of_attempts':
      return 'has no try left';
  }
}
