import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

export interface PictureOf {
  readonly name: string;
  readonly path: string;
  /** The picture is taken once this is on the page. */
  readonly waitFor: string;
  /** What is done before, e.g. a step of a wizard. */
  readonly prepare?: (page: Page) => Promise<void>;
}

/** How a page is looked at; the file's name ends in the suffix. */
const LOOKS: readonly { readonly suffix: string; readonly options: BrowserContextOptions }[] = [
  { suffix: '', options: { viewport: { width: 1280, height: 800 }, colorScheme: 'light' } },
  { suffix: '-dark', options: { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' } },
  {
    suffix: '-phone',
    options: { viewport: { width: 390, height: 844 }, colorScheme: 'light', hasTouch: true },
  },
];

/** Every page in light, in dark and as wide as a phone; `signIn` is the address that carries the token. */
export async function takePagePictures(
  browser: Browser,
  base: string,
  signIn: string,
  pictures: readonly PictureOf[],
  save: (name: string, page: Page) => Promise<void>,
): Promise<void> {
  for (const { suffix, options } of LOOKS) {
    const context = await browser.newContext({ ...options, reducedMotion: 'reduce' });
    const page = await context.newPage();
    await page.goto(signIn);
    await page.locator('h1').waitFor();
    for (const { name, path, waitFor, prepare } of pictures) {
      await page.goto(base + path);
      await prepare?.(page);
      await page.getByText(waitFor).first().waitFor();
      // Panels with resources of their own have theirs a moment later.
      await page.getByText('Loading…').first().waitFor({ state: 'detached' });
      await save(`${name}${suffix}`, page);
    }
    await context.close();
  }
}
