import type { CampaignEvent } from '@flotilla/contracts';

interface Side {
  readonly devices: number;
  readonly crashed: number;
}

/** What the gate weighed when it compared updated devices with those that wait. */
export interface ControlEvidence {
  readonly at: string;
  readonly updated: Side;
  readonly control: Side;
  /** Odds against the update, at their highest so far; it pauses when they reach the limit. */
  readonly odds: number;
  readonly oddsLimit: number;
}

/** Of the newest decision that rested on a comparison; null when none did. */
export function newestControl(events: readonly CampaignEvent[]): ControlEvidence | null {
  const newestFirst = [...events].sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  for (const { at, evidence } of newestFirst) {
    const control = readControl(evidence?.['control']);
    if (control !== null) return { at, ...control };
  }
  return null;
}

/** Evidence is kept as it was written, so it is read with care. */
function readControl(value: unknown): Omit<ControlEvidence, 'at'> | null {
  const updated = readSide(member(value, 'updated'));
  const control = readSide(member(value, 'control'));
  const peak = member(value, 'peakLogE');
  const limit = member(value, 'logELimit');
  if (updated === null || control === null) return null;
  if (typeof peak !== 'number' || typeof limit !== 'number') return null;
  return { updated, control, odds: Math.exp(peak), oddsLimit: Math.exp(limit) };
}

function readSide(value: unknown): Side | null {
  const devices = member(value, 'devices');
  const crashed = member(value, 'crashed');
  if (typeof devices !== 'number' || typeof crashed !== 'number') return null;
  return { devices, crashed };
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

/** 95 % interval of a share (Wilson's, which holds for small numbers); the whole range without devices. */
export function shareInterval({ devices, crashed }: Side): readonly [low: number, high: number] {
  if (devices === 0) return [0, 1];
  const z = 1.96;
  const share = crashed / devices;
  const middle = share + z ** 2 / (2 * devices);
  const spread = z * Math.sqrt((share * (1 - share) + z ** 2 / (4 * devices)) / devices);
  const scale = 1 + z ** 2 / devices;
  return [Math.max(0, (middle - spread) / scale), Math.min(1, (middle + spread) / scale)];
}
