import type { Readable } from 'node:stream';
import { LineSplitter, type SplitLine } from './domain/line-splitter.ts';

/** As of a followed file: what is cut off a JSON line makes it a plain one. */
const MAX_LINE_BYTES = 16 * 1024;

/** Passes on a stream's lines but the empty ones; none is kept longer than MAX_LINE_BYTES. */
export function forwardLines(stream: Readable, onLine: (line: SplitLine) => void): void {
  const splitter = new LineSplitter(MAX_LINE_BYTES, (line) => {
    if (line.text !== '') onLine(line);
  });
  stream.on('data', (chunk: Buffer) => splitter.push(chunk));
  stream.once('end', () => splitter.end());
}
