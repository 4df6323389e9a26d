import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TarError, tarEntries, type TarEntry } from '../../src/firmware/tar-entries.ts';
import { tarOf } from '../../src/testing/tar-bundle.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotilla-tar-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function entriesOf(bytes: Uint8Array): Promise<TarEntry[]> {
  const path = join(folder, 'a.tar');
  await writeFile(path, bytes);
  const file = await open(path, 'r');
  try {
    const entries: TarEntry[] = [];
    for await (const entry of tarEntries(file, bytes.length)) entries.push(entry);
    return entries;
  } finally {
    await file.close();
  }
}

describe('tarEntries', () => {
  it.each(['ustar', 'pax', 'gnu'])('reads what the system tar writes as %s', async (format) => {
    // Too long for the header's name field; ustar splits it into prefix and name.
    const long = join('d'.repeat(90), 'e'.repeat(60));
    await mkdir(join(folder, 'in', 'd'.repeat(90)), { recursive: true });
    await writeFile(join(folder, 'in', 'bundle.json'), '{}');
    await writeFile(join(folder, 'in', long), 'long');
    const path = join(folder, 'system.tar');
    execFileSync('tar', ['--format', format, '-C', join(folder, 'in'), '-cf', path, '.']);
    const bytes = await readFile(path);
    const entries = await entriesOf(bytes);
    const content = (name: string) => {
      const entry = entries.find((e) => e.name === name && e.kind === 'file');
      return entry && bytes.toString('utf8', entry.offset, entry.offset + entry.sizeBytes);
    };
    expect(content('./bundle.json')).toBe('{}');
    expect(content(`./${long}`)).toBe('long');
  });

  it('finds every member of any archive, at its place', async () => {
    const member = fc.record({
      name: fc.stringMatching(/^[a-z]{1,20}$/),
      content: fc.uint8Array({ maxLength: 1500 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(member, { maxLength: 5 }), async (members) => {
        const bytes = tarOf(members);
        const entries = await entriesOf(bytes);
        expect(entries.map((entry) => entry.name)).toEqual(members.map((m) => m.name));
        for (const [i, entry] of entries.entries()) {
          const found = bytes.subarray(entry.offset, entry.offset + entry.sizeBytes);
          expect(found.equals(members[i]!.content)).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('refuses anything else with a TarError, never with a fault', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 2000 }), async (bytes) => {
        // Zeros alone are an empty archive.
        fc.pre(bytes.some((byte) => byte !== 0));
        await expect(entriesOf(bytes)).rejects.toThrow(TarError);
      }),
      { numRuns: 50 },
    );
  });

  it('notices a cut at any place inside a member', async () => {
    const bytes = tarOf([{ name: 'a', content: Buffer.alloc(700, 1) }]);
    for (const length of [1, 511, 513, 1000, 512 + 699]) {
      await expect(entriesOf(bytes.subarray(0, length))).rejects.toThrow(/cut short/);
    }
  });

  it('notices a changed header', async () => {
    const bytes = tarOf([{ name: 'a', content: Buffer.alloc(10) }]);
    bytes[0] = 0x62;
    await expect(entriesOf(bytes)).rejects.toThrow(/tar header/);
  });

  it.each(['18 path\n', 'x path=a\n', '9999 path=a\n', '13 size=-1ab\n'])(
    'refuses the pax record %j',
    async (record) => {
      const bytes = tarOf([
        { name: 'p', content: Buffer.from(record), type: 'x' },
        { name: 'a', content: Buffer.alloc(1) },
      ]);
      await expect(entriesOf(bytes)).rejects.toThrow(TarError);
    },
  );
});
