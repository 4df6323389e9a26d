import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';

const styleFile = (name: string) => fileURLToPath(new URL(`../style/${name}`, import.meta.url));

/** Class of the element the pages live in. */
export const SCOPE_CLASS = 'flotilla';

/**
 * The pages' style, minified, each rule nested below `.flotilla`, so that it neither touches nor takes
 * from the application around it. `own` adds what a page of its own needs.
 */
export async function scopedStyle(own: boolean): Promise<string> {
  const [pages, keyframes, page] = await Promise.all(
    ['pages.css', 'keyframes.css', 'page.css'].map(bundle),
  );
  const text = `.${SCOPE_CLASS}{${pages}}${keyframes}${own ? page : ''}`;
  const { code } = await transform(text, { loader: 'css', minify: true });
  return code;
}

async function bundle(name: string): Promise<string> {
  const result = await build({
    entryPoints: [styleFile(name)],
    bundle: true,
    write: false,
    logLevel: 'silent',
  });
  return result.outputFiles[0]?.text ?? '';
}
