import { logSumExp } from './log-sum-exp.ts';

/** Share of updates that may fail without the firmware being to blame. */
export const DEFAULT_TOLERATED = 0.02;

/** A failure probability that the default tolerance is tested against, and how much it counts. */
export interface Alternative {
  readonly probability: number;
  /** Those of a mixture add up to 1. */
  readonly weight: number;
}
export type Mixture = readonly Alternative[];

/**
 * What updates are weighed by. Few alternatives, and most of the weight where a bad release usually lies:
 * each costs the others evidence. It finds a firmware that fails 10 % of devices a fifth earlier than the
 * even mixture does (docs/decisions/0005).
 */
export const UPDATE_MIXTURE: Mixture = [
  { probability: 0.05, weight: 0.2 },
  { probability: 0.1, weight: 0.4 },
  { probability: 0.2, weight: 0.25 },
  { probability: 0.6, weight: 0.15 },
];

/** Prefers none; a firmware that always fails is among them, so a few devices that all fail suffice. */
export const EVEN_MIXTURE: Mixture = [0.04, 0.06, 0.1, 0.2, 0.4, 0.8, 1].map((probability) => ({
  probability,
  weight: 1 / 7,
}));

/**
 * Natural logarithm of the evidence against "an update fails with probability `tolerated` or less":
 * the likelihood of the outcomes averaged over the alternatives, over that at the tolerance.
 *
 * Under every probability up to the tolerance it is a non-negative supermartingale that starts at 1,
 * so the chance that it ever reaches 1/a is at most a, however often one looks (Ville's inequality).
 * It rises when a success turns into a failure, and falls with each further success.
 *
 * @param tolerated above 0 and below 1.
 */
export function outcomeLogE(
  failures: number,
  successes: number,
  tolerated: number = DEFAULT_TOLERATED,
  mixture: Mixture = UPDATE_MIXTURE,
): number {
  return logSumExp(
    mixture.map(({ probability, weight }) => {
      const alternative = movedTo(tolerated, probability);
      // A firmware that always fails is refuted by one success; 0 · -Infinity would be NaN.
      const successGain =
        successes === 0 ? 0 : successes * (Math.log1p(-alternative) - Math.log1p(-tolerated));
      return Math.log(weight) + failures * Math.log(alternative / tolerated) + successGain;
    }),
  );
}

/** An alternative of the default tolerance, moved so that its odds keep their ratio to the tolerance's. */
function movedTo(tolerated: number, probability: number): number {
  if (tolerated === DEFAULT_TOLERATED || probability === 1) return probability;
  const moved = (odds(probability) * odds(tolerated)) / odds(DEFAULT_TOLERATED);
  return moved / (1 + moved);
}

function odds(probability: number): number {
  return probability / (1 - probability);
}
