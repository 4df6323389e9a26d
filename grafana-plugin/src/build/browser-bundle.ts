import { fileURLToPath } from 'node:url';
import type { BuildOptions, Plugin } from 'esbuild';

export const SOURCE_DIR = fileURLToPath(new URL('..', import.meta.url));

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

/** What both builds of the pages share: modules for browsers, split so that a page loads when opened. */
export const BROWSER_BUNDLE = {
  absWorkingDir: SOURCE_DIR,
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  minify: true,
  sourcemap: 'linked',
  format: 'esm',
  platform: 'browser',
  target: ['es2022'],
  define: { 'process.env.NODE_ENV': '"production"' },
  // zod otherwise probes `new Function`, which the page's Content-Security-Policy reports.
  banner: { js: 'globalThis.__zod_globalConfig={jitless:true};' },
  plugins: [englishMessagesOnly],
  logLevel: 'silent',
  write: false,
  metafile: true,
} as const satisfies BuildOptions;
