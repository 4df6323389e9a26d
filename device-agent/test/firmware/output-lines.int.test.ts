import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import type { SplitLine } from '../../src/firmware/domain/line-splitter.ts';
import { forwardLines } from '../../src/firmware/output-lines.ts';

const MIB = 1024 ** 2;
const ENDLESS_MIB = 256;

describe('firmware that writes without line feeds', () => {
  it('does not eat the memory of the agent', async () => {
    const chunk = Buffer.alloc(MIB, 'x');
    const lines: SplitLine[] = [];
    const stream = new PassThrough();
    forwardLines(stream, (line) => lines.push(line));
    const before = process.memoryUsage();
    let peakBytes = 0;
    async function* endless(): AsyncGenerator<Buffer> {
      for (let count = 0; count < ENDLESS_MIB; count += 1) {
        yield chunk;
        const { heapUsed, external } = process.memoryUsage();
        peakBytes = Math.max(peakBytes, heapUsed + external - before.heapUsed - before.external);
      }
      yield Buffer.from('\nnext\n');
    }
    await pipeline(Readable.from(endless()), stream);
    expect(peakBytes).toBeLessThan((ENDLESS_MIB / 4) * MIB);
    expect(lines).toEqual([
      { text: 'x'.repeat(16_384), truncated: true },
      { text: 'next', truncated: false },
    ]);
  });
});
