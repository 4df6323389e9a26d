import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { startGrafanaHost, type GrafanaHost, type OrgRole } from '@flotilla/grafana-host';
import { buildConsole, buildPlugin } from '@flotilla/grafana-plugin';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findChromium, launchChromium } from '../../src/testing/chromium.ts';
import { startFakeApi, type FakeApi } from '../../src/testing/fake-api.ts';
import { RUNNING_CAMPAIGN_ID, storyFleet } from '../../src/testing/fake-fleet.ts';

const TOKEN = 'operator-token';
const APP = '/a/flotilla-fleet-app';

const chromiumPath = findChromium();
const mustRun = Boolean(process.env.CI);

describe.skipIf(chromiumPath === null && !mustRun)(
  'the plugin in a host by Grafana’s contract',
  () => {
    let browser: Browser;
    let dir: string;
    let api: FakeApi;
    let host: GrafanaHost;
    let page: Page;
    let troubles: string[];
    beforeAll(async () => {
      if (chromiumPath === null) throw new Error('CI has no Chromium; set CHROMIUM_PATH');
      dir = await mkdtemp(join(tmpdir(), 'flotilla-plugin-'));
      await buildPlugin(join(dir, 'plugin'), { version: '0.1.0', date: '2026-01-31' });
      await buildConsole(join(dir, 'console'));
      browser = await launchChromium(chromiumPath);
    });
    afterAll(async () => {
      await browser?.close();
      await rm(dir, { recursive: true, force: true });
    });
    beforeEach(async () => {
      const fleet = storyFleet(Date.now());
      api = await startFakeApi({ token: TOKEN, consoleDir: join(dir, 'console'), fleet });
      host = await startGrafanaHost({ pluginDir: join(dir, 'plugin'), role: 'Viewer' });
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
      page = await context.newPage();
      page.setDefaultTimeout(30_000);
      troubles = [];
      page.on('console', (message) => {
        if (message.type() === 'error') troubles.push(message.text());
      });
      page.on('pageerror', (error) => troubles.push(String(error)));
    });
    afterEach(async () => {
      await page.context().close();
      await host.stop();
      await api.stop();
    });

    const connect = () =>
      host.settings.save({
        enabled: true,
        pinned: true,
        jsonData: { apiUrl: api.url },
        secureJsonData: { apiToken: TOKEN },
      });
    const open = async (role: OrgRole, path: string) => {
      host.role = role;
      await page.goto(host.url + path);
    };

    it('is loaded as an AMD module with the host’s React, and shows the fleet through the proxy', async () => {
      connect();
      await open('Viewer', APP);
      await page.getByRole('link', { name: 'device-07' }).waitFor();
      expect(host.proxied.length).toBeGreaterThan(0);
      expect(host.proxied.every(({ status }) => status === 200)).toBe(true);
      // The secret stays with the proxy.
      expect(await page.content()).not.toContain(TOKEN);
      expect(await page.evaluate(() => document.querySelectorAll('main').length)).toBe(1);
      expect(troubles).toEqual([]);
    });

    it('routes by the host, page by page, and survives a reload', async () => {
      connect();
      await open('Viewer', APP);
      await page
        .getByRole('navigation', { name: 'Flotilla' })
        .getByRole('link', { name: 'Campaigns' })
        .click();
      await page.getByRole('link', { name: 'Autumn release 1.3' }).click();
      await page.getByRole('heading', { name: 'Phases' }).waitFor();
      expect(new URL(page.url()).pathname).toBe(`${APP}/campaigns/${RUNNING_CAMPAIGN_ID}`);
      await page.goBack();
      await page.getByRole('heading', { name: 'Campaigns', level: 1 }).waitFor();
      await page.goForward();
      await page.reload();
      await page.getByRole('heading', { name: 'Autumn release 1.3' }).waitFor();
      expect(troubles).toEqual([]);
    });

    it('shows a viewer no action, and the proxy refuses one made anyway', async () => {
      connect();
      await open('Viewer', `${APP}/campaigns/${RUNNING_CAMPAIGN_ID}`);
      await page.getByRole('heading', { name: 'Phases' }).waitFor();
      expect(await page.getByRole('button', { name: 'Pause…' }).count()).toBe(0);
      const status = await page.evaluate(async (id) => {
        const path = `/api/plugin-proxy/flotilla-fleet-app/api/v1/campaigns/${id}/pause`;
        const body = JSON.stringify({ reason: 'by hand' });
        return (await fetch(path, { method: 'POST', body })).status;
      }, RUNNING_CAMPAIGN_ID);
      expect(status).toBe(403);
      expect(api.calls.filter((call) => call.startsWith('POST'))).toEqual([]);
    });

    it('lets an admin pause with a reason', async () => {
      connect();
      await open('Admin', `${APP}/campaigns/${RUNNING_CAMPAIGN_ID}`);
      await page.getByRole('button', { name: 'Pause…' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Reason').fill('reboots look odd');
      await dialog.getByRole('button', { name: 'Pause campaign' }).click();
      await page.getByRole('button', { name: 'Resume…' }).waitFor();
      expect(api.calls).toContain(`POST /api/v1/campaigns/${RUNNING_CAMPAIGN_ID}/pause`);
      expect(troubles).toEqual([]);
    });

    it('asks for a connection, tests what it is given, and then works', async () => {
      await open('Admin', APP);
      await page.getByText('Flotilla is not connected yet').waitFor();
      await page.getByRole('link', { name: 'configuration page' }).click();
      await page.getByLabel('Address').fill(api.url);
      await page.getByLabel('Operator token').fill('wrong');
      await page.getByRole('button', { name: 'Save and test' }).click();
      await page.getByText('The token is refused').waitFor();
      await page.getByLabel('Operator token').fill(TOKEN);
      await page.getByRole('button', { name: 'Save and test' }).click();
      await page.getByText('ota-service 0.1.0 answers.').waitFor();
      await page.goto(host.url + APP);
      await page.getByRole('link', { name: 'device-07' }).waitFor();
    });

    it('says so when nothing answers behind the proxy', async () => {
      connect();
      await api.stop();
      await open('Viewer', APP);
      await page.getByText('The answer could not be read').first().waitFor();
    });

    it.each(['light', 'dark'] as const)('takes the %s theme from the host', async (theme) => {
      connect();
      host.theme = theme;
      await open('Viewer', APP);
      await page.getByRole('link', { name: 'device-07' }).waitFor();
      const scheme = await page
        .locator('.flotilla')
        .evaluate((element) => getComputedStyle(element).colorScheme);
      expect(scheme).toBe(theme);
    });
  },
);
