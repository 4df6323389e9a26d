import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LetterSpool, spoolBeside, SpoolFullError } from '../../src/dead-letters/letter-spool.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'flotilla-spool-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const letter = (value: Uint8Array) => ({ key: 'd1', value, headers: { a: 'b\n"c' } });

async function all(spool: LetterSpool) {
  const found = [];
  for await (const each of spool.letters()) found.push(each);
  return found;
}

it('gives any bytes back as they were', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array(), async (value) => {
      const spool = new LetterSpool(join(root, 'any'));
      await spool.put('one', letter(value), 7);
      const [found, ...others] = await all(spool);
      expect(others).toEqual([]);
      expect(found?.record).toMatchObject({ ...letter(value), appendedAtMs: 7 });
    }),
    { numRuns: 20 },
  );
});

it('lists by name, writes a repeat over, and ignores what a kill left half written', async () => {
  const spool = new LetterSpool(root);
  for (const name of ['t-0-2', 't-0-1', 't-0-2'])
    await spool.put(name, letter(Buffer.from(name)), 0);
  writeFileSync(join(root, 't-0-3.letter.part'), 'half');
  expect((await all(spool)).map(({ name }) => name)).toEqual(['t-0-1', 't-0-2']);
  await spool.remove('t-0-1');
  expect(readdirSync(root).sort()).toEqual(['t-0-2.letter', 't-0-3.letter.part']);
});

it('refuses more than its bound, and takes more once letters are gone', async () => {
  const spool = new LetterSpool(join(root, 'small'), 1_000);
  await spool.put('a', letter(new Uint8Array(800)), 0);
  await expect(spool.put('b', letter(new Uint8Array(800)), 0)).rejects.toThrow(SpoolFullError);
  await spool.remove('a');
  await spool.put('b', letter(new Uint8Array(800)), 0);
});

it('is empty before the first letter, and takes no name that is a path', async () => {
  const spool = new LetterSpool(join(root, 'none'));
  expect(await all(spool)).toEqual([]);
  await expect(spool.put('../x', letter(new Uint8Array()), 0)).rejects.toThrow(RangeError);
});

it('lies beside an embedded log, or where it is told, and nowhere beside Kafka', () => {
  expect(spoolBeside('sqlite:/var/lib/log.db')?.folder).toBe('/var/lib/dead-letters');
  expect(spoolBeside('kafka://h:1/')).toBeNull();
  expect(spoolBeside('kafka://h:1/', '/spool')?.folder).toBe('/spool');
});
