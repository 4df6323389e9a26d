import type { Readable } from 'node:stream';
import { LineSplitter } from './domain/line-splitter.ts';
import { fullBudget, spendLine, type LineRate } from './domain/line-budget.ts';

const MAX_LINE_BYTES = 4096;

export interface OutputLine {
  readonly text: string;
  /** The rest of the line was longer than an agent keeps. */
  readonly truncated: boolean;
  /** Lines that the rate did not let through since the one before. */
  readonly droppedBefore: number;
}

/** Passes on a stream's lines within the rate and says how many it dropped. */
export function forwardLines(
  stream: Readable,
  rate: LineRate,
  now: () => number,
  onLine: (line: OutputLine) => void,
): void {
  let budget = fullBudget(rate, now());
  const splitter = new LineSplitter(MAX_LINE_BYTES, ({ text, truncated }) => {
    if (text === '') return;
    const spent = spendLine(budget, rate, now());
    budget = spent.budget;
    if (spent.admitted === null) return;
    onLine({ text, truncated, droppedBefore: spent.admitted.droppedBefore });
  });
  stream.on('data', (chunk: Buffer) => splitter.push(chunk));
  stream.once('end', () => splitter.end());
}
