import { mkdir, rm, writeFile, copyFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, stop, type Plugin } from 'esbuild';

const SOURCE_DIR = fileURLToPath(new URL('.', import.meta.url));

/**
 * Bundles the standalone console into `outDir`: `index.html` (to be served for every client route),
 * `favicon.svg`, and below `assets/` the script, style and source map with content hashes in their
 * names. Older assets are removed. Rejects with esbuild's BuildFailure when the source does not build.
 */
export async function buildConsole(outDir: string): Promise<void> {
  const result = await build({
    absWorkingDir: SOURCE_DIR,
    entryPoints: [
      { in: 'host/standalone.tsx', out: 'console' },
      { in: 'style/console.css', out: 'console' },
    ],
    outdir: join(outDir, 'assets'),
    entryNames: '[name]-[hash]',
    bundle: true,
    minify: true,
    sourcemap: 'linked',
    format: 'esm',
    platform: 'browser',
    target: ['es2022'],
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    // zod otherwise probes `new Function`, which the page's Content-Security-Policy reports.
    banner: { js: 'globalThis.__zod_globalConfig={jitless:true};' },
    plugins: [englishMessagesOnly],
    logLevel: 'silent',
    write: false,
  });
  await rm(join(outDir, 'assets'), { recursive: true, force: true });
  await mkdir(join(outDir, 'assets'), { recursive: true });
  await Promise.all(result.outputFiles.map((file) => writeFile(file.path, file.contents)));
  const path = (extension: string) => {
    const file = result.outputFiles.find((candidate) => candidate.path.endsWith(extension));
    if (file === undefined) throw new Error(`the console build wrote no ${extension} file`);
    return `/${relative(outDir, file.path).split(sep).join('/')}`;
  };
  await copyFile(join(SOURCE_DIR, 'style', 'favicon.svg'), join(outDir, 'favicon.svg'));
  await writeFile(join(outDir, 'index.html'), indexHtml(path('.js'), path('.css')));
  // esbuild keeps a helper process for the next build; whoever calls this builds once.
  await stop();
}

/** zod's namespace pulls in its messages in fifty languages, a third of the bundle. */
const englishMessagesOnly: Plugin = {
  name: 'english-messages-only',
  setup: (bundle) => {
    bundle.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
      loader: 'js',
    }));
  },
};

/** No inline script and no data: URL, so that `default-src 'self'` holds. */
function indexHtml(scriptPath: string, stylePath: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <meta name="referrer" content="no-referrer" />
    <title>Flotilla</title>
    <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
    <link rel="stylesheet" href="${stylePath}" />
    <script type="module" src="${scriptPath}"></script>
  </head>
  <body>
    <div id="root"></div>
    <noscript>The Flotilla console needs JavaScript.</noscript>
  </body>
</html>
`;
}
