import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildConsole } from '@flotilla/grafana-plugin';

describe('buildConsole', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'flotilla-console-'));
  });
  afterEach(async () => {
    await rm(dir, { recursive: true, force: true });
  });

  it('writes a page whose files exist, with hashed names and a source map', async () => {
    await buildConsole(dir);
    const html = await readFile(join(dir, 'index.html'), 'utf8');
    const script = /src="(\/assets\/console-[A-Z0-9]{8}\.js)"/.exec(html)?.[1] ?? '';
    const style = /href="(\/assets\/console-[A-Z0-9]{8}\.css)"/.exec(html)?.[1] ?? '';
    const code = await readFile(join(dir, script), 'utf8');
    expect(await readFile(join(dir, style), 'utf8')).toContain('--canvas');
    expect(code).toContain(`//# sourceMappingURL=${script.replace('/assets/', '')}.map`);
    expect(await readFile(join(dir, 'favicon.svg'), 'utf8')).toContain('<svg');
    // One build of React and zod with a single language; a doubled dependency shows here.
    expect(code.length).toBeLessThan(520_000);
  });

  it('needs nothing that the Content-Security-Policy forbids', async () => {
    await buildConsole(dir);
    const html = await readFile(join(dir, 'index.html'), 'utf8');
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)/);
    expect(html).not.toMatch(/https?:|data:|\son[a-z]+=/);
  });

  it('gives the same names again and leaves nothing of an older build', async () => {
    await buildConsole(dir);
    const first = await readdir(join(dir, 'assets'));
    await writeFile(join(dir, 'assets', 'console-OLDBUILD.js'), '');
    await buildConsole(dir);
    expect((await readdir(join(dir, 'assets'))).sort()).toEqual(first.sort());
  });
});
