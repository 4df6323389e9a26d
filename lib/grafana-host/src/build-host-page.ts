import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { readFile } from 'node:fs/promises';
import { build, stop } from 'esbuild';

/** The host's script: SystemJS with its AMD extra, then the page with React 18. */
export async function buildHostPage(): Promise<{ readonly script: string }> {
  const require = createRequire(import.meta.url);
  const loader = await readFile(require.resolve('systemjs/dist/system.min.js'), 'utf8');
  const amd = await readFile(require.resolve('systemjs/dist/extras/amd.min.js'), 'utf8');
  const result = await build({
    entryPoints: [fileURLToPath(new URL('page/host-page.tsx', import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: ['es2022'],
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'silent',
  });
  await stop();
  const page = result.outputFiles[0]?.text ?? '';
  return { script: `${withoutMap(loader)}\n${withoutMap(amd)}\n${page}` };
}

/** A source map that is not served would be a 404 in the browser's console. */
function withoutMap(code: string): string {
  return code.replaceAll(/^\/\/# sourceMappingURL=.*$/gm, '');
}
