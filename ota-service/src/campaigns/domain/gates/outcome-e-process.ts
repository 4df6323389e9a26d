import { logSumExp } from './log-sum-exp.ts';

/** Share of updates that may fail without the firmware being to blame. */
export const DEFAULT_TOLERATED = 0.02;

/** Failure probabilities that the default tolerance is tested against, each with the same weight. */
const DEFAULT_ALTERNATIVES = [0.04, 0.06, 0.1, 0.2, 0.4, 0.8, 1];
const LOG_WEIGHT = -Math.log(DEFAULT_ALTERNATIVES.length);

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
): number {
  return logSumExp(
    alternativesTo(tolerated).map((alternative) => {
      // A firmware that always fails is refuted by one success; 0 · -Infinity would be NaN.
      const successGain =
        successes === 0 ? 0 : successes * (Math.log1p(-alternative) - Math.log1p(-tolerated));
      return LOG_WEIGHT + failures * Math.log(alternative / tolerated) + successGain;
    }),
  );
}

/** The default alternatives, moved so that their odds keep the same ratio to the tolerance's. */
function alternativesTo(tolerated: number): readonly number[] {
  if (tolerated === DEFAULT_TOLERATED) return DEFAULT_ALTERNATIVES;
  const scale = odds(tolerated) / odds(DEFAULT_TOLERATED);
  return DEFAULT_ALTERNATIVES.map((alternative) => {
    if (alternative === 1) return 1;
    const moved = odds(alternative) * scale;
    return moved / (1 + moved);
  });
}

function odds(probability: number): number {
  return probability / (1 - probability);
}
