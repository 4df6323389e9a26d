import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLogger } from '@flotilla/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskQueue } from '../src/disk-queue.ts';
import { drain, runUntilKilled } from '../src/testing/killed-child.ts';
import { bodyOf } from './children/known-body.ts';

const logger = createLogger('test', 'silent');
const script = (name: string) => fileURLToPath(new URL(`children/${name}.ts`, import.meta.url));

let folder: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-queue-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

function killedAfter(lines: number, name: string, args: string[]): Promise<string[]> {
  return runUntilKilled(script(name), args, lines, (child) => children.push(child));
}

describe('the disk queue of a killed process', () => {
  it.each([1, 7, 60, 200])('has every item whose enqueue returned (%i lines)', async (lines) => {
    const printed = await killedAfter(lines, 'fill-queue', [folder, 'enqueue']);
    const queue = new DiskQueue({ folder, logger });
    const items = drain(queue);
    queue.close();
    // The kill may have come between the commit and the line.
    expect([printed.length, printed.length + 1]).toContain(items.length);
    expect(items.slice(0, printed.length).map(({ batchId }, n) => `+ ${n} ${batchId}`)).toEqual(
      printed,
    );
    for (const [n, { body }] of items.entries()) {
      expect(Buffer.compare(body, bodyOf(n))).toBe(0);
    }
  });

  it('brings back nothing whose acknowledgement returned, over several kills', async () => {
    const waiting = new Map<string, true>();
    const gone = new Set<string>();
    const kills = [40, 90, 25, 140];
    for (const lines of kills) {
      for (const line of await killedAfter(lines, 'fill-queue', [folder, 'churn'])) {
        const parts = line.split(' ');
        const batchId = parts.at(-1)!;
        if (parts[0] === '+') waiting.set(batchId, true);
        else {
          waiting.delete(batchId);
          gone.add(batchId);
        }
      }
    }
    const queue = new DiskQueue({ folder, logger });
    const left = drain(queue).map(({ batchId }) => batchId);
    queue.close();
    expect(left.filter((batchId) => gone.has(batchId))).toEqual([]);
    // Each kill may leave one enqueue or one acknowledgement done but not printed.
    const missing = [...waiting.keys()].filter((batchId) => !left.includes(batchId));
    const extra = left.filter((batchId) => !waiting.has(batchId));
    expect(missing.length + extra.length).toBeLessThanOrEqual(kills.length);
    // Of three lines two add and one removes; less the lines a kill cut short.
    const leastLines = kills.reduce((sum, lines) => sum + lines, 0);
    expect(left.length).toBeGreaterThanOrEqual(Math.floor(leastLines / 3) - 2 * kills.length);
    expect(gone.size).toBeGreaterThan(0);
  });
});

describe('the disk queue on a full disk', () => {
  it('refuses the item and keeps what it had', async () => {
    // A limit on file sizes stands in for the full disk; 400 blocks of 512 or 1024 bytes.
    const child = spawn(
      '/bin/sh',
      [
        '-c',
        'ulimit -f 400; exec "$0" --no-warnings "$1" "$2" enqueue',
        process.execPath,
        script('fill-queue'),
        folder,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    children.push(child);
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await once(child, 'close');
    expect(child.exitCode).toBe(0);
    const lines = output.trimEnd().split('\n');
    const counted = lines.pop();
    expect(lines.pop()).toMatch(/^! .*(disk|full|I\/O)/i);
    expect(lines.length).toBeGreaterThan(10);

    const queue = new DiskQueue({ folder, logger });
    expect(queue.items).toBe(lines.length);
    expect(counted).toBe(`= ${queue.items} ${queue.sizeBytes}`);
    expect(drain(queue).map(({ batchId }, n) => `+ ${n} ${batchId}`)).toEqual(lines);
    expect(queue.enqueue('/v1/logs', bodyOf(3)).queued).toBe(true);
    queue.close();
  });
});
