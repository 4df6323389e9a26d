import { createHash } from 'node:crypto';
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress } from 'node:zlib';
import { build, stop, type Metafile } from 'esbuild';
import { BROWSER_BUNDLE, SOURCE_DIR } from './build/browser-bundle.ts';
import { SCOPE_CLASS, scopedStyle } from './build/scoped-style.ts';

const brotli = promisify(brotliCompress);
const ENTRY = 'host/standalone.tsx';

/**
 * Bundles the standalone console into `outDir`: `index.html` (to be served for every client route),
 * `favicon.svg`, and below `assets/` the scripts, style and source maps with content hashes in their
 * names. Older assets are removed. Rejects with esbuild's BuildFailure when the source does not build.
 */
export async function buildConsole(outDir: string): Promise<void> {
  const assets = join(outDir, 'assets');
  const result = await build({
    ...BROWSER_BUNDLE,
    entryPoints: [{ in: ENTRY, out: 'console' }],
    outdir: assets,
    jsx: 'automatic',
  });
  const style = await scopedStyle(true);
  const styleName = `console-${createHash('sha256').update(style).digest('hex').slice(0, 8)}.css`;
  await rm(assets, { recursive: true, force: true });
  await mkdir(assets, { recursive: true });
  const files = result.outputFiles.map(({ path, contents }) => ({ path, contents }));
  files.push({ path: join(assets, styleName), contents: Buffer.from(style) });
  await Promise.all(files.map(writeWithCopy));
  await copyFile(join(SOURCE_DIR, 'style', 'favicon.svg'), join(outDir, 'favicon.svg'));
  await writeFile(join(outDir, 'index.html'), indexHtml(firstScripts(result.metafile), styleName));
  // esbuild keeps a helper process for the next build; whoever calls this builds once.
  await stop();
}

/** A map is for developers, who may wait; of everything else a browser takes the smaller copy. */
async function writeWithCopy(file: { path: string; contents: Uint8Array }): Promise<void> {
  await writeFile(file.path, file.contents);
  if (!file.path.endsWith('.map')) await writeFile(`${file.path}.br`, await brotli(file.contents));
}

/** The entry, then what it imports at once: named in the page, they load side by side. */
function firstScripts(metafile: Metafile): string[] {
  const entry = Object.entries(metafile.outputs).find(([, o]) => o.entryPoint === ENTRY);
  if (entry === undefined) throw new Error('the console build wrote no entry');
  const found = new Set<string>();
  const follow = (path: string) => {
    if (found.has(path)) return;
    found.add(path);
    const imports = metafile.outputs[path]?.imports ?? [];
    imports.filter(({ kind }) => kind === 'import-statement').forEach((i) => follow(i.path));
  };
  follow(entry[0]);
  return [...found].map((path) => basename(path));
}

/** No inline script and no data: URL, so that `default-src 'self'` holds. */
function indexHtml([entry = '', ...chunks]: readonly string[], styleName: string): string {
  const preloads = chunks.map((name) => `<link rel="modulepreload" href="/assets/${name}" />`);
  return `<!doctype html>
<html lang="en" class="${SCOPE_CLASS}">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <meta name="referrer" content="no-referrer" />
    <title>Flotilla</title>
    <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
    <link rel="stylesheet" href="/assets/${styleName}" />
    ${preloads.join('\n    ')}
    <script type="module" src="/assets/${entry}"></script>
  </head>
  <body>
    <div id="root"></div>
    <noscript>The Flotilla console needs JavaScript.</noscript>
  </body>
</html>
`;
}
