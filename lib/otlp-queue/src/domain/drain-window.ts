/** What a round of requests came to: all taken, at least one pushed back, or too few to fill it. */
export type RoundOutcome = 'taken' | 'pushed_back' | 'idle';

/**
 * How many requests the next round may have under way. It doubles while the collector takes all it is
 * given and falls to one as soon as it pushes back, so that a fleet coming back from an outage does
 * not add its backlogs to the collector's trouble.
 */
export function nextWindow(window: number, outcome: RoundOutcome, maxInFlight: number): number {
  switch (outcome) {
    case 'taken':
      return Math.min(maxInFlight, window * 2);
    case 'pushed_back':
      return 1;
    case 'idle':
      return window;
  }
}
