import type { DeviceView } from '@flotilla/contracts';
import { statusRank } from './health-of.ts';

/**
 * Worst first: retired devices last, then by status, a failed update before none, lower score, id.
 * Scores are compared as shown (whole points), so that noise does not shuffle rows.
 */
export function worstFirst(devices: readonly DeviceView[]): DeviceView[] {
  return [...devices].sort(
    (a, b) =>
      Number(a.lifecycle === 'retired') - Number(b.lifecycle === 'retired') ||
      statusRank(a) - statusRank(b) ||
      Number(updateFailed(b)) - Number(updateFailed(a)) ||
      shownScore(a) - shownScore(b) ||
      compareText(a.id, b.id),
  );
}

export function updateFailed(device: DeviceView): boolean {
  const state = device.lastUpdate?.state;
  return state === 'failed' || state === 'rolled_back';
}

function shownScore(device: DeviceView): number {
  return Math.round(device.health?.score ?? 0);
}

const collator = new Intl.Collator('en', { numeric: true });
function compareText(a: string, b: string): number {
  return collator.compare(a, b);
}
