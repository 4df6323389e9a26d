import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fullBudget, spendLine, type LineRate } from './domain/line-budget.ts';

const MAX_LINE_LENGTH = 4096;

/** Passes on a stream's lines within the rate and says how many it dropped. */
export function forwardLines(
  stream: Readable,
  rate: LineRate,
  now: () => number,
  onLine: (line: string, droppedBefore: number) => void,
): void {
  let budget = fullBudget(rate, now());
  createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) => {
    const spent = spendLine(budget, rate, now());
    budget = spent.budget;
    if (spent.admitted === null || line === '') return;
    onLine(line.slice(0, MAX_LINE_LENGTH), spent.admitted.droppedBefore);
  });
}
