import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildConsole } from '@flotilla/grafana-plugin';

const KIB = 1024;

describe('buildConsole', () => {
  let dir: string;
  let html: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'flotilla-console-'));
    await buildConsole(dir);
    html = await readFile(join(dir, 'index.html'), 'utf8');
  });
  afterAll(async () => {
    await rm(dir, { recursive: true, force: true });
  });
  const asset = (name: string) => readFile(join(dir, 'assets', name));

  it('writes a page whose files exist, with hashed names and a source map', async () => {
    const script = /src="\/assets\/(console-[A-Z0-9]{8}\.js)"/.exec(html)?.[1] ?? '';
    const style = /href="\/assets\/(console-[0-9a-f]{8}\.css)"/.exec(html)?.[1] ?? '';
    expect((await asset(style)).toString()).toContain('--canvas');
    expect((await asset(script)).toString()).toContain(`//# sourceMappingURL=${script}.map`);
    expect(brotliDecompressSync(await asset(`${script}.br`))).toEqual(await asset(script));
    expect(await readFile(join(dir, 'favicon.svg'), 'utf8')).toContain('<svg');
  });

  it('is small: what the first page loads, and what each further one adds', async () => {
    const first = [...html.matchAll(/(?:src|href)="\/assets\/([^"]+)"/g)].map(([, name]) => name!);
    const files = (await readdir(join(dir, 'assets'))).filter((name) => /\.(js|css)$/.test(name));
    const zipped = async (names: readonly string[]) =>
      (await Promise.all(names.map(asset)))
        .map((content) => gzipSync(content).length)
        .reduce((sum, bytes) => sum + bytes, 0);
    const later = files.filter((name) => !first.includes(name));
    const sizes = { first: await zipped(first), later: await zipped(later) };
    console.info(
      `first page ${Math.round(sizes.first / KIB)} KiB, all further pages ${Math.round(sizes.later / KIB)} KiB (gzip)`,
    );
    // React and zod, each once and with one language: a doubled dependency shows here.
    expect(sizes.first).toBeLessThan(170 * KIB);
    expect(later.length).toBeGreaterThan(6);
    expect(sizes.later).toBeLessThan(60 * KIB);
  });

  it('needs nothing that the Content-Security-Policy forbids', () => {
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)/);
    expect(html).not.toMatch(/https?:|data:|\son[a-z]+=/);
  });

  it('gives the same names again and leaves nothing of an older build', async () => {
    const first = await readdir(join(dir, 'assets'));
    await writeFile(join(dir, 'assets', 'console-OLDBUILD.js'), '');
    await buildConsole(dir);
    expect((await readdir(join(dir, 'assets'))).sort()).toEqual(first.sort());
  });
});
