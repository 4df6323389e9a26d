import { LABEL_TIME_ZONE, isTimeZone, matchesSelector, type Labels } from '@flotilla/contracts';
import { includesGroup, type Campaign } from './campaign.ts';
import { windowAt, type WindowState } from './maintenance-window.ts';

/** What decides whether a device belongs to a target. */
export interface TargetDevice {
  readonly group: string;
  readonly firmwareVersion: string | null;
  /** None when left out. */
  readonly labels?: Labels | undefined;
  /** On the campaign's list. */
  readonly isListed?: boolean | undefined;
}

type Target = Pick<Campaign, 'groups' | 'rules'>;

/**
 * A device that was offered the update keeps its place when its version changes, for that is what the
 * update is for.
 */
export function inTarget(target: Target, device: TargetDevice, wasOffered: boolean): boolean {
  const { groups, rules } = target;
  if (rules.list !== 'none' && device.isListed !== true) return false;
  if (rules.list === 'only') return true;
  if (!includesGroup(groups, device.group)) return false;
  if (rules.selector !== null) {
    if (!matchesSelector(rules.selector.requirements, device.labels ?? {})) return false;
  }
  if (rules.versions === null || wasOffered) return true;
  return device.firmwareVersion !== null && rules.versions.includes(device.firmwareVersion);
}

/** What has to be known of a device beyond its own row. */
export function needsLabels({ rules }: Target): boolean {
  return rules.windows !== null || (rules.selector !== null && rules.list !== 'only');
}

/** Always open without windows. By the device's own zone, if its label names one. */
export function windowOf({ rules }: Target, labels: Labels, nowMs: number): WindowState {
  if (rules.windows === null) return { open: true };
  const own = labels[LABEL_TIME_ZONE];
  const zone = own !== undefined && isTimeZone(own) ? own : rules.windows.timeZone;
  return windowAt(rules.windows, zone, nowMs);
}
