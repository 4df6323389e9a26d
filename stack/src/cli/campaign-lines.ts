import type { CampaignPlan, CampaignView } from '@flotilla/contracts';
import { durationWords } from './durations.ts';
import { textTable } from './text-table.ts';

const percent = (share: number | null): string =>
  share === null ? '-' : `${(share * 100).toFixed(1)} %`;

export function campaignRows(campaigns: readonly CampaignView[]): string[] {
  const rows = campaigns.map((campaign) => [
    campaign.id,
    campaign.status,
    `${campaign.model} ${campaign.version}`,
    `${campaign.currentPhase}/${campaign.phases.length}`,
    `${campaign.exposedDevices}/${campaign.totalDevices}`,
    campaign.name,
  ]);
  return textTable(['ID', 'STATUS', 'FIRMWARE', 'PHASE', 'EXPOSED', 'NAME'], rows);
}

export function campaignLines(campaign: CampaignView): string[] {
  const phases = campaign.phases.map(
    ({ phase, percent: share, state, devices, counts, errorRate }) => [
      String(phase),
      `${share} %`,
      state,
      String(devices),
      String(counts.started),
      String(counts.confirmed),
      String(counts.failed),
      String(counts.rolledBack),
      String(counts.silent),
      percent(errorRate),
    ],
  );
  return [
    `${campaign.id}  ${campaign.name}`,
    `${campaign.model} ${campaign.version}, ${campaign.status}, round ${campaign.round}, ` +
      `${campaign.exposedDevices} of ${campaign.totalDevices} devices exposed`,
    `limit ${percent(campaign.errorThreshold)}, soak ${durationWords(campaign.soakMs)}, ` +
      `deadline ${durationWords(campaign.deadlineMs)}`,
    ...(campaign.verdict === null
      ? []
      : [`${campaign.verdict.kind}: ${campaign.verdict.words} (${campaign.verdict.at})`]),
    '',
    ...textTable(
      [
        'PHASE',
        'TO',
        'STATE',
        'DEVICES',
        'STARTED',
        'CONFIRMED',
        'FAILED',
        'ROLLED BACK',
        'SILENT',
        'ERRORS',
      ],
      phases,
    ),
  ];
}

/** What changes while one watches, in a line. */
export function progressLine(campaign: CampaignView): string {
  const sum = (key: 'confirmed' | 'failed' | 'rolledBack' | 'silent') =>
    campaign.phases.reduce((total, { counts }) => total + counts[key], 0);
  const failures = sum('failed') + sum('rolledBack') + sum('silent');
  const verdict = campaign.verdict === null ? '' : `; ${campaign.verdict.words}`;
  return (
    `${campaign.status}, phase ${campaign.currentPhase}/${campaign.phases.length}, ` +
    `${sum('confirmed')} confirmed, ${failures} failed of ${campaign.totalDevices}${verdict}`
  );
}

export function planLines(plan: CampaignPlan): string[] {
  const phases = plan.phases.flatMap((phase) => [
    `phase ${phase.phase}: ${phase.totalDevices} devices, ` +
      `${phase.count === null ? `to ${phase.percent} %` : `to ${phase.count} devices`}, ` +
      `from ${phase.earliestStartAt} at the earliest`,
    ...phase.devices.map(
      ({ deviceId, earliestAt, note }) =>
        `  ${deviceId}  ${earliestAt ?? 'no window within a fortnight'}${note === null ? '' : `  ${note}`}`,
    ),
    ...more(phase.totalDevices - phase.devices.length),
  ]);
  const leftOut = plan.leftOut.flatMap(({ reason, totalDevices, devices }) => [
    `left out, ${reason}: ${totalDevices}`,
    ...devices.map(({ deviceId, detail }) => `  ${deviceId}  ${detail}`),
    ...more(totalDevices - devices.length),
  ]);
  const overlaps = plan.overlaps.map(
    ({ campaignId, name, totalDevices, goesFirst }) =>
      `${campaignId} (${name}) wants ${totalDevices} of them too and goes ${goesFirst ? 'first' : 'after'}`,
  );
  return [
    `${plan.id}: ${plan.model} ${plan.version} for ${plan.totalDevices} devices, would be ${plan.status}`,
    ...phases,
    ...leftOut,
    ...(plan.outsideTarget === 0 ? [] : [`outside the target: ${plan.outsideTarget}`]),
    ...overlaps,
  ];
}

const more = (count: number): string[] => (count > 0 ? [`  … and ${count} more`] : []);
