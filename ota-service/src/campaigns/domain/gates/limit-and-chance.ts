import { countBoundary } from './count-boundary.ts';
import { DEFAULT_TOLERATED } from './outcome-e-process.ts';

/** Chance, per phase, that a firmware which fails as often as is normal breaks the limit. */
const CHANCE_SHARE = 0.02;

/**
 * Do `errors` among a phase's `devices` break the user's limit by more than luck? Above the limit, and
 * so many that a firmware failing as often as is normal (2 %, less if the limit is lower) shows them
 * with a probability of at most 2 %. Both are about the phase as it will end, so to look often costs
 * nothing. One failure breaks a phase of one device; among ten it takes two, among a thousand the
 * limit itself is what counts. A limit of zero is broken by any failure.
 */
export function exceedsByMoreThanChance(errors: number, devices: number, limit: number): boolean {
  if (errors === 0 || errors / devices <= limit) return false;
  const normal = Math.min(DEFAULT_TOLERATED, limit);
  return normal === 0 || errors >= countBoundary(devices, normal, CHANCE_SHARE);
}
