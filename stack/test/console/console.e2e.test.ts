import { seriousProblems } from '@flotilla/grafana-plugin/testing/accessibility';
import { findChromium, launchChromium } from '@flotilla/grafana-plugin/testing/chromium';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publish } from '../../src/client/publish.ts';
import { readOperatorToken } from '../../src/data-folder.ts';
import { buildSensorBundle, SENSOR_MODEL, type SensorVersion } from '../../src/firmware/sensor.ts';
import { openTheatre, type Theatre } from '../../src/story/theatre.ts';
import { Shutdown } from '../../src/shutdown.ts';

const STEP_MS = 150_000;
const chromiumPath = findChromium();
const mustRun = Boolean(process.env.CI);

/** Everything an operator does, by mouse and keyboard, on a whole stack with two devices. */
describe.skipIf(chromiumPath === null && !mustRun)('the console on a real stack', () => {
  const shutdown = new Shutdown();
  let theatre: Theatre;
  let browser: Browser;
  let page: Page;
  const troubles: string[] = [];

  beforeAll(async () => {
    if (chromiumPath === null) throw new Error('CI has no Chromium; set CHROMIUM_PATH');
    theatre = await openTheatre(shutdown, { say: console.log, stepTimeoutMs: STEP_MS, devices: 2 });
    browser = await launchChromium(chromiumPath);
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.setDefaultTimeout(30_000);
    page.on('console', (message) => {
      if (message.type() === 'error') troubles.push(message.text());
    });
    page.on('pageerror', (error) => troubles.push(String(error)));
    const token = readOperatorToken(theatre.folder);
    await page.goto(`${theatre.addresses.console}/firmware#token=${token}`);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await shutdown.run();
  }, 60_000);

  const section = (name: string) =>
    page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name }).click();
  const release = async (version: SensorVersion) => {
    const artifact = await buildSensorBundle(version);
    await publish(
      theatre.api,
      { model: SENSOR_MODEL, version, artifact },
      theatre.stage.targetsKey,
    );
  };
  /** Through the wizard: half of the devices first, then all. */
  const createCampaign = async (version: SensorVersion) => {
    await section('Campaigns');
    await page.getByRole('link', { name: 'New campaign' }).click();
    await page.getByText(`${SENSOR_MODEL} ${version}`).click();
    await page.getByRole('button', { name: 'Phases and limits' }).click();
    await page.getByRole('button', { name: 'Remove Phase 2' }).click();
    await page.getByLabel('Phase 1, how many').fill('50');
    await page.getByRole('button', { name: 'Dry run' }).click();
    await page.getByText(`would be offered ${version}.`).waitFor();
    await page.getByRole('button', { name: 'Create campaign' }).click();
    await page.getByRole('heading', { name: 'Phases' }).waitFor();
  };
  const confirm = async (action: string, button: string, reason: string) => {
    await page.getByRole('button', { name: `${action}…` }).click();
    await page.getByLabel('Reason').fill(reason);
    await page.getByRole('dialog').getByRole('button', { name: button }).click();
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
  };
  const status = (word: string) =>
    page.locator('.page-title').getByText(word, { exact: true }).waitFor({ timeout: STEP_MS });

  it('uploads a firmware, and shows it as signed once it was', async () => {
    await page.getByRole('button', { name: 'Upload…' }).click();
    await page.getByLabel('Artifact').setInputFiles({
      name: 'sensor.tar',
      mimeType: 'application/x-tar',
      buffer: Buffer.from(await buildSensorBundle('1.0.0')),
    });
    await page.getByLabel('Model').fill(SENSOR_MODEL);
    await page.getByLabel('Version', { exact: true }).fill('1.0.0');
    await page.getByRole('button', { name: 'Upload', exact: true }).click();
    await page.getByText('Draft', { exact: true }).waitFor();
    await page.getByText('Not among the targets yet').waitFor();
    await release('1.0.0');
    await page.getByText('by 1 key of 1 needed').waitFor();
  });

  it('creates a campaign by the wizard and sees it through', async () => {
    await createCampaign('1.0.0');
    await status('Completed');
    expect(await page.locator('.phase').count()).toBe(2);
    expect(await page.locator('.audit').innerText()).toContain('Next phase started');
  });

  it('sees a bad one pause by itself, resumes it, and aborts it', async () => {
    await release('1.2.0');
    await createCampaign('1.2.0');
    await status('Paused');
    const canary = await page.locator('.phase').first().innerText();
    expect(canary).toContain('over the limit');
    await page.getByText('Paused automatically').waitFor();
    await confirm('Resume', 'Resume campaign', 'one more try');
    await page.getByText('round 2').waitFor();
    await confirm('Abort', 'Abort campaign', '1.2.0 cannot read its calibration table');
    await status('Aborted');
  });

  it('retires a device', async () => {
    const id = theatre.members[1]?.id ?? '';
    await section('Devices');
    await page.getByRole('link', { name: id }).click();
    await page.getByText('CPU', { exact: true }).waitFor();
    await confirm('Retire', 'Retire', 'sold');
    await page.getByText('Retired', { exact: true }).first().waitFor();
    expect((await theatre.api.device(id)).lifecycle).toBe('retired');
  });

  it('is accessible on every page with real data, and never complained', async () => {
    const id = theatre.members[0]?.id ?? '';
    for (const path of ['/', '/devices', `/devices/${id}`, '/campaigns', '/firmware']) {
      await page.goto(theatre.addresses.console + path);
      await page.locator('.live-dot.is-live').waitFor();
      expect(await seriousProblems(page), path).toEqual([]);
    }
    expect(troubles).toEqual([]);
  });
});
