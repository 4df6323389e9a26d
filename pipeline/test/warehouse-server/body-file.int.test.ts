import { mkdtemp, readdir, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ByteBudget } from '../../src/consume/byte-budget.ts';
import { BodyFile } from '../../src/warehouse-server/body-file.ts';
import { TooManyQueriesError } from '../../src/warehouse/read-sessions.ts';

const ROOM_BYTES = 1_000;
let folder: string;
let room: ByteBudget;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotilla-bodies-'));
  room = new ByteBudget(ROOM_BYTES);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function receive(name: string, body: Buffer, headers: Record<string, string> = {}) {
  const request = Object.assign(Readable.from([body]), { headers }) as unknown as IncomingMessage;
  return BodyFile.receive(request, join(folder, name), 10 * ROOM_BYTES, room);
}

it('takes no body that does not fit beside the others, until one of them is removed', async () => {
  const first = await receive('a', Buffer.alloc(600));
  await expect(receive('b', Buffer.alloc(600))).rejects.toThrow(TooManyQueriesError);
  expect(await readdir(folder)).toEqual(['a']);
  const second = await receive('c', Buffer.alloc(400));
  await first.remove();
  await receive('d', Buffer.alloc(600));
  expect(room.usedBytes).toBe(1_000);
  await second.remove();
  expect(await readdir(folder)).toEqual(['d']);
});

it('counts what a body comes to, not what it came as', async () => {
  const bomb = gzipSync(Buffer.alloc(2 * ROOM_BYTES));
  const gzip = { 'content-encoding': 'gzip' };
  await expect(receive('a', bomb, gzip)).rejects.toThrow(TooManyQueriesError);
  await expect(receive('b', Buffer.from('no gzip'), gzip)).rejects.toThrow('the body is broken');
  expect(room.usedBytes).toBe(0);
  expect(await readdir(folder)).toEqual([]);
});
