import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startGrafanaHost } from '@flotilla/grafana-host';
import { buildPlugin } from '@flotilla/grafana-plugin';
import { findChromium, launchChromium } from '@flotilla/grafana-plugin/testing/chromium';
import type { Browser, Page } from 'playwright-core';
import { readOperatorToken } from '../data-folder.ts';
import { Shutdown } from '../shutdown.ts';
import { playStory, type StoryResult } from '../story/story.ts';
import { openTheatre, type Theatre } from '../story/theatre.ts';
import { takePagePictures, type PictureOf } from './page-pictures.ts';
import type { Row } from './panel-drawing.ts';
import { dashboardNames, dashboardPage } from './panel-page.ts';

/**
 * `npm run evidence`: plays the story on ten real agents and takes a picture of every page of the console
 * (light, dark, phone), of the plugin in a host by Grafana's contract, and of the dashboards' panels.
 */
const OUT_DIR = fileURLToPath(new URL('../../../docs/evidence/', import.meta.url));

const say = (text: string) => process.stdout.write(`${text}\n`);

async function save(name: string, page: Page): Promise<void> {
  await page.screenshot({ path: `${OUT_DIR}${name}.png`, fullPage: true });
  say(`docs/evidence/${name}.png`);
}

interface Scene {
  readonly theatre: Theatre;
  readonly browser: Browser;
  readonly pausedId: string;
  /** The device that rolled the bad version back. */
  readonly canary: string;
}

function pages({ pausedId, canary }: Scene, version: string): PictureOf[] {
  const dryRun = async (page: Page) => {
    await page.locator('.choice').filter({ hasText: version }).click();
    await page.getByRole('button', { name: 'Dry run' }).click();
  };
  return [
    { name: 'fleet', path: '/', waitFor: 'device-10' },
    { name: 'devices', path: '/devices', waitFor: 'device-10' },
    { name: 'device', path: `/devices/${canary}`, waitFor: 'Update history' },
    { name: 'campaigns', path: '/campaigns', waitFor: 'Sensor 1.2.0' },
    { name: 'campaign-paused', path: `/campaigns/${pausedId}`, waitFor: 'rolled back' },
    { name: 'new-campaign', path: '/campaigns/new', waitFor: 'would be offered', prepare: dryRun },
    { name: 'firmware', path: '/firmware', waitFor: '1.2.0' },
    { name: 'provisioning', path: '/provisioning', waitFor: 'Devices are registered' },
  ];
}

async function takePluginPictures({ theatre, browser, pausedId }: Scene): Promise<void> {
  const dir = join(theatre.folder.root, 'plugin');
  await buildPlugin(dir, { version: '0.1.0', date: '2026-01-31' });
  const host = await startGrafanaHost({ pluginDir: dir, role: 'Admin', theme: 'dark' });
  try {
    host.settings.save({
      enabled: true,
      pinned: true,
      jsonData: { apiUrl: theatre.addresses.console },
      secureJsonData: { apiToken: readOperatorToken(theatre.folder) },
    });
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const app = `${host.url}/a/flotilla-fleet-app`;
    await page.goto(app);
    await page.getByText('device-10').waitFor();
    await save('plugin-fleet', page);
    await page.goto(`${app}/campaigns/${pausedId}`);
    await page.getByText('rolled back').first().waitFor();
    await save('plugin-campaign', page);
    await page.goto(`${host.url}/plugins/flotilla-fleet-app?page=configuration`);
    await page.getByRole('button', { name: 'Test', exact: true }).click();
    await page.getByText('Connected').waitFor();
    await save('plugin-configuration', page);
    await page.close();
  } finally {
    await host.stop();
  }
}

async function takeDashboardPictures(scene: Scene): Promise<void> {
  const { theatre, browser, pausedId, canary } = scene;
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  for (const name of dashboardNames()) {
    const html = await dashboardPage(name, {
      campaign: pausedId,
      device: canary,
      // Text and numbers: no query of a dashboard returns more.
      rows: async (query) => (await theatre.warehouse.rows(query)) as Row[],
    });
    if (html === null) continue;
    await page.setContent(html);
    await save(`dashboard-${name}`, page);
  }
  await page.close();
}

async function takePictures(theatre: Theatre, result: StoryResult): Promise<void> {
  const path = findChromium();
  if (path === null) throw new Error('the pictures need Chromium; CHROMIUM_PATH says where it is');
  const browser = await launchChromium(path);
  try {
    const pausedId = result.campaigns['1.2.0'].id;
    const [outcome] = await theatre.warehouse.outcomes(pausedId);
    if (outcome === undefined) throw new Error('the paused campaign has no outcome');
    const scene = { theatre, browser, pausedId, canary: outcome.device };
    const base = theatre.addresses.console;
    const signIn = `${base}/#token=${readOperatorToken(theatre.folder)}`;
    await takePagePictures(browser, base, signIn, pages(scene, '1.2.0'), save);
    await takePluginPictures(scene);
    await takeDashboardPictures(scene);
  } finally {
    await browser.close();
  }
}

const shutdown = new Shutdown();
shutdown.onSignals(say);
try {
  mkdirSync(OUT_DIR, { recursive: true });
  const theatre = await openTheatre(shutdown, { say, stepTimeoutMs: 300_000 });
  await takePictures(theatre, await playStory(theatre.stage));
} finally {
  await shutdown.run();
}
process.exit(0);
