import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, stop, type BuildOptions, type Plugin } from 'esbuild';
import { BROWSER_BUNDLE, SOURCE_DIR } from './build/browser-bundle.ts';
import { scopedStyle } from './build/scoped-style.ts';
import { EXTERNALS, EXTERNALS_KEY } from './grafana/shared-modules.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DASHBOARDS = fileURLToPath(new URL('../../dashboards/', import.meta.url));

export interface PluginBuildOptions {
  /** Both are written into `plugin.json`. */
  readonly version: string;
  /** `2026-01-31` */
  readonly date: string;
}

const JSX = {
  // The repository's own tsconfig asks for react/jsx-runtime.
  tsconfigRaw: { compilerOptions: {} },
  jsx: 'transform' as const,
  jsxFactory: 'createElement',
  jsxFragment: 'Fragment',
  inject: [join(SOURCE_DIR, 'grafana', 'create-element.ts')],
} satisfies BuildOptions;

/**
 * Builds the Grafana app plugin into `outDir`, which is emptied before: `module.js` (AMD, a few KiB), the
 * pages as modules that it loads when they are opened, `plugin.json`, dashboards, logo and README.
 */
export async function buildPlugin(outDir: string, options: PluginBuildOptions): Promise<void> {
  await rm(outDir, { recursive: true, force: true });
  await mkdir(outDir, { recursive: true });
  const pages = await buildPages(outDir);
  const style = await scopedStyle(false);
  const styleName = `pages-${createHash('sha256').update(style).digest('hex').slice(0, 8)}.css`;
  await writeFile(join(outDir, styleName), style);
  await writeFile(join(outDir, 'module.js'), await amdModule({ pages, style: styleName }));
  await copyAssets(outDir, options);
  // esbuild keeps a helper process for the next build; whoever calls this builds once.
  await stop();
}

/** Returns the entry's file name. */
async function buildPages(outDir: string): Promise<string> {
  const result = await build({
    ...BROWSER_BUNDLE,
    ...JSX,
    entryPoints: [{ in: 'grafana/pages-entry.ts', out: 'pages' }],
    outdir: outDir,
    plugins: [...BROWSER_BUNDLE.plugins, externalsFromGlobal],
  });
  await Promise.all(result.outputFiles.map((file) => writeFile(file.path, file.contents)));
  const entry = Object.entries(result.metafile.outputs).find(([, o]) => o.entryPoint !== undefined);
  if (entry === undefined) throw new Error('the plugin build wrote no entry');
  return basename(entry[0]);
}

/** The AMD module Grafana's loader asks for, in the form `define([names], function (…) { … })`. */
async function amdModule(files: { pages: string; style: string }): Promise<string> {
  const result = await build({
    ...JSX,
    absWorkingDir: SOURCE_DIR,
    entryPoints: ['grafana/module.tsx'],
    bundle: true,
    minify: true,
    write: false,
    format: 'cjs',
    platform: 'neutral',
    target: ['es2022'],
    external: [...EXTERNALS, 'amd-module'],
    define: { FLOTILLA_FILES: JSON.stringify(files) },
    logLevel: 'silent',
  });
  const code = result.outputFiles[0]?.text ?? '';
  // `module` is the name under which an AMD loader describes the module itself.
  const names = JSON.stringify(['module', ...EXTERNALS]);
  return `define(${names},function(amdModule,...provided){
var externals=${names}.slice(1);
var require=function(name){return name==="amd-module"?amdModule:provided[externals.indexOf(name)]};
var module={exports:{}};
${code}
return module.exports;
});
`;
}

const externalsFromGlobal: Plugin = {
  name: 'externals-from-global',
  setup: (bundle) => {
    const names = EXTERNALS.map((name) => name.replaceAll('/', '\\/')).join('|');
    bundle.onResolve({ filter: new RegExp(`^(${names})$`) }, ({ path }) => ({
      path,
      namespace: 'provided-by-grafana',
    }));
    bundle.onLoad({ filter: /.*/, namespace: 'provided-by-grafana' }, ({ path }) => ({
      contents: `module.exports = globalThis[Symbol.for('${EXTERNALS_KEY}')]['${path}'];`,
      loader: 'js',
    }));
  },
};

async function copyAssets(outDir: string, { version, date }: PluginBuildOptions): Promise<void> {
  const metadata = await readFile(join(ROOT, 'plugin', 'plugin.json'), 'utf8');
  await writeFile(
    join(outDir, 'plugin.json'),
    metadata.replaceAll('%VERSION%', version).replaceAll('%TODAY%', date),
  );
  await cp(join(ROOT, 'plugin', 'README.md'), join(outDir, 'README.md'));
  await cp(join(ROOT, 'plugin', 'CHANGELOG.md'), join(outDir, 'CHANGELOG.md'));
  await cp(join(ROOT, '..', 'LICENSE'), join(outDir, 'LICENSE'));
  await cp(join(SOURCE_DIR, 'style', 'favicon.svg'), join(outDir, 'img', 'logo.svg'));
  const dashboards = (await readdir(DASHBOARDS)).filter(
    (name) => name.endsWith('.json') && name !== 'package.json',
  );
  await Promise.all(
    dashboards.map((name) => cp(join(DASHBOARDS, name), join(outDir, 'dashboards', name))),
  );
}
