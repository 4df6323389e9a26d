import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findChromium, launchChromium } from '@flotilla/grafana-plugin/testing/chromium';
import type { Page } from 'playwright-core';
import { readOperatorToken } from '../data-folder.ts';
import { Shutdown } from '../shutdown.ts';
import { playStory } from '../story/story.ts';
import { openTheatre, type Theatre } from '../story/theatre.ts';

/** `npm run evidence`: plays the story and takes a picture of each page as it then is. */
const OUT_DIR = fileURLToPath(new URL('../../../docs/evidence/', import.meta.url));

const say = (text: string) => process.stdout.write(`${text}\n`);

async function picture(page: Page, url: string, name: string, waitFor: string): Promise<void> {
  await page.goto(url);
  await page.getByText(waitFor).first().waitFor();
  await page.screenshot({ path: `${OUT_DIR}${name}.png`, fullPage: true });
  say(`docs/evidence/${name}.png`);
}

async function takePictures(theatre: Theatre, pausedId: string): Promise<void> {
  const path = findChromium();
  if (path === null) throw new Error('the pictures need Chromium; CHROMIUM_PATH says where it is');
  const browser = await launchChromium(path);
  try {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    const base = theatre.addresses.console;
    const [canary] = await theatre.warehouse.outcomes(pausedId);
    if (canary === undefined) throw new Error('the paused campaign has no outcome');
    await page.goto(`${base}/#token=${readOperatorToken(theatre.folder)}`);
    await page.getByText('device-10').waitFor();
    await picture(page, `${base}/campaigns/${pausedId}`, 'campaign-paused', 'rolled back');
    await picture(page, `${base}/devices/${canary.device}`, 'device', '1.2.0');
    await picture(page, `${base}/firmware`, 'firmware', '1.2.0');
    await picture(page, `${base}/campaigns`, 'campaigns', 'Sensor 1.2.0');
    await picture(page, `${base}/`, 'fleet', 'device-10');
  } finally {
    await browser.close();
  }
}

const shutdown = new Shutdown();
shutdown.onSignals(say);
try {
  mkdirSync(OUT_DIR, { recursive: true });
  const theatre = await openTheatre(shutdown, { say, stepTimeoutMs: 120_000 });
  const result = await playStory(theatre.stage);
  await takePictures(theatre, result.campaigns['1.2.0'].id);
} finally {
  await shutdown.run();
}
process.exit(0);
