import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { seriousProblems } from '../../src/testing/accessibility.ts';
import { findChromium, launchChromium } from '../../src/testing/chromium.ts';
import {
  TOKEN,
  buildToTemporaryFolder,
  startSession,
  type ConsoleSession,
} from '../../src/testing/console-session.ts';
import {
  BAD_CAMPAIGN_ID,
  GOOD_CAMPAIGN_ID,
  RUNNING_CAMPAIGN_ID,
  emptyFleet,
} from '../../src/testing/fake-fleet.ts';
import { PLANNED_CAMPAIGN_ID } from '../../src/testing/fake-plan.ts';

const chromiumPath = findChromium();
const mustRun = Boolean(process.env.CI);
if (chromiumPath === null && !mustRun) {
  console.warn('console tests skipped: no Chromium at CHROMIUM_PATH or /usr/bin/chromium');
}

describe.skipIf(chromiumPath === null && !mustRun)('the console in a browser', () => {
  let browser: Browser;
  let build: Awaited<ReturnType<typeof buildToTemporaryFolder>>;
  let session: ConsoleSession;
  beforeAll(async () => {
    if (chromiumPath === null) throw new Error('CI has no Chromium; set CHROMIUM_PATH');
    build = await buildToTemporaryFolder();
    browser = await launchChromium(chromiumPath);
  });
  afterAll(async () => {
    await browser?.close();
    await build?.remove();
  });
  beforeEach(async () => {
    session = await startSession(browser, build.dir);
  });
  afterEach(async () => {
    await session.close();
  });

  const texts = async (selector: string) =>
    (await session.page.locator(selector).allInnerTexts()).map((text) =>
      text.replaceAll(/\s+/g, ' ').trim(),
    );
  const confirm = async (action: string, reason: string) => {
    const { page } = session;
    await page.getByRole('button', { name: `${action}…` }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Reason').fill(reason);
    await dialog.getByRole('button', { name: `${action} campaign` }).click();
    return dialog;
  };

  describe('pages', () => {
    it('shows the fleet, worst first, with words beside every colour', async () => {
      await session.open('/');
      await session.page.getByRole('table', { name: 'Devices' }).waitFor();
      const rows = await texts('.device-table tbody tr');
      expect(rows).toHaveLength(10);
      expect(rows[0]).toContain('device-07');
      expect(rows[0]).toContain('Critical');
      expect(rows[0]).toContain('Rolled back 1.2.0: crashed on trial');
      expect(await texts('.tile')).toEqual(['1 Critical', '1 Degraded', '2 Unknown', '6 Healthy']);
      expect((await texts('.legend li')).join(' | ')).toContain('1.1.0 7 70 %');
      expect(session.troubles).toEqual([]);
    });

    it('shows the worst of a large fleet, counts all of it, and pages through the rest', async () => {
      const one = session.api.fleet.devices[0]!;
      session.api.fleet.devices = Array.from({ length: 230 }, (_, i) => ({
        ...one,
        id: `node-${String(i).padStart(4, '0')}`,
      }));
      await session.open('/');
      const { page } = session;
      await page.getByRole('table', { name: 'Worst devices' }).waitFor();
      expect(await texts('.tile')).toContain('230 Healthy');
      expect(await page.locator('.device-table tbody tr').count()).toBe(20);
      await page.getByRole('link', { name: 'All devices' }).click();
      await expect.poll(() => page.locator('.device-table tbody tr').count()).toBe(100);
      await page.getByRole('button', { name: 'Next' }).click();
      await page.getByRole('link', { name: 'node-0100' }).waitFor();
      await page.getByRole('button', { name: 'Next' }).click();
      await page.getByText('page 3').waitFor();
      await expect.poll(() => page.locator('.device-table tbody tr').count()).toBe(30);
      expect(await page.getByRole('button', { name: 'Next' }).isDisabled()).toBe(true);
      await page.getByRole('button', { name: 'Previous' }).click();
      await page.getByRole('link', { name: 'node-0100' }).waitFor();
      await page.getByLabel('Search by device id').fill('node-0229');
      await expect.poll(() => texts('.device-table tbody th')).toEqual(['node-0229']);
      expect(session.troubles).toEqual([]);
    });

    it('narrows devices by group, lifecycle and health, from a tile as well', async () => {
      await session.open('/devices?group=lisbon');
      const { page } = session;
      await expect.poll(() => page.locator('.device-table tbody tr').count()).toBe(4);
      await page.getByLabel('Lifecycle').selectOption('retired');
      await page.getByRole('button', { name: 'Clear the filter' }).click();
      await expect.poll(() => page.locator('.device-table tbody tr').count()).toBe(10);
      await page.getByRole('link', { name: 'Fleet' }).click();
      await page.getByRole('link', { name: /Critical/ }).click();
      await expect.poll(() => texts('.device-table tbody th')).toEqual(['device-07']);
      expect(new URL(page.url()).search).toBe('?status=critical');
    });

    it('changes many devices at once, with a reason', async () => {
      await session.open('/devices');
      const { page } = session;
      await page.getByLabel('Select device-01').check();
      await page.getByLabel('Select device-02').check();
      await page.getByRole('button', { name: 'Put into maintenance…' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('heading', { name: 'Put into maintenance: 2 devices?' }).waitFor();
      await dialog.getByLabel('Reason').fill('antenna work');
      await dialog.getByRole('button', { name: 'Put into maintenance' }).click();
      await page.getByText('2 devices changed').waitFor();
      expect(session.api.fleet.devices[1]!.lifecycle).toBe('maintenance');
      expect(session.troubles).toEqual([]);
    });

    it('labels a device and retires it', async () => {
      await session.open('/devices/device-07');
      const { page } = session;
      await page.getByLabel('New label').fill('not a label');
      await page.getByRole('button', { name: 'Add', exact: true }).click();
      await page.getByText('The label must be').waitFor();
      await page.getByLabel('New label').fill('floor=3');
      await page.getByRole('button', { name: 'Add', exact: true }).click();
      await page.getByText('floor=3').waitFor();
      await page.getByRole('button', { name: 'Retire…' }).click();
      await page.getByLabel('Reason').fill('broken beyond repair');
      await page.getByRole('button', { name: 'Retire', exact: true }).click();
      // Not the dialog's own field, which may still be closing.
      await page.locator('.audit-reason', { hasText: 'broken beyond repair' }).waitFor();
      expect(session.api.fleet.devices[6]!.lifecycle).toBe('retired');
      await expect.poll(() => page.getByRole('button', { name: 'Retire…' }).count()).toBe(0);
      expect(session.troubles).toEqual([]);
    });

    it('tries a campaign out and creates it as planned', async () => {
      await session.open('/campaigns');
      const { page } = session;
      await page.getByRole('link', { name: 'New campaign' }).click();
      const next = () => page.getByRole('button', { name: 'Next' }).click();
      await page.getByText('sensor-a 1.3.0').click();
      expect(await page.getByLabel('Name of the campaign').inputValue()).toBe('sensor-a 1.3.0');
      await next();
      await page.getByLabel('Groups').fill('berlin lisbon');
      await next();
      await page.getByLabel('Phase 1, how many').fill('120');
      await page.getByRole('button', { name: 'Dry run' }).click();
      await page.getByText('Something is missing').waitFor();
      await page.getByRole('button', { name: 'Phases and limits' }).click();
      await page.getByLabel('Phase 1, how many').fill('5');
      await next();
      await next();
      await page.getByText('6 devices of sensor-a would be offered 1.3.0.').waitFor();
      await page.getByText('1 device: run it already').waitFor();
      await page.getByRole('button', { name: 'Create campaign' }).click();
      await page.getByRole('heading', { name: 'Phases' }).waitFor();
      expect(new URL(page.url()).pathname).toBe(`/campaigns/${PLANNED_CAMPAIGN_ID}`);
      expect(session.troubles).toEqual([]);
    });

    it('withdraws a release with a reason', async () => {
      await session.open('/firmware');
      const { page } = session;
      await page.getByText('Waits for signatures').waitFor();
      await page.getByRole('button', { name: 'Withdraw 1.1.0…' }).click();
      await page.getByLabel('Reason').fill('radio fault');
      await page.getByRole('button', { name: 'Withdraw', exact: true }).click();
      await page.getByText('Withdrawn: radio fault').waitFor();
      expect(session.troubles).toEqual([]);
    });

    it('shows how new devices come in', async () => {
      await session.open('/provisioning');
      const { page } = session;
      await page.getByText('Claimed twice').waitFor();
      await page.getByRole('button', { name: 'Revoke' }).waitFor();
      await page.getByText('oslo-line').waitFor();
      expect(session.troubles).toEqual([]);
    });

    it('shows a device: points lost, facts, updates with the reason in words', async () => {
      await session.open('/');
      await session.page.getByRole('link', { name: 'device-07' }).click();
      await session.page.getByRole('heading', { name: 'Update history' }).waitFor();
      expect(new URL(session.page.url()).pathname).toBe('/devices/device-07');
      expect(await texts('.losses li')).toEqual([
        'Failed updates, last 7 days −31.2',
        'Firmware crashes, last 24 h −21.4',
        'Close to its temperature limit −6.1',
      ]);
      expect((await texts('.history li'))[0]).toContain('crashed during its trial');
      expect((await texts('.facts'))[0]).toContain('sensor-a');
      expect(await session.page.title()).toBe('device-07 · Flotilla');
      expect(session.troubles).toEqual([]);
    });

    it('says in words what it does not know of a new device', async () => {
      await session.open('/devices/device-10');
      await session.page.getByText('Unknown is not healthy').waitFor();
      await session.page.getByText('No campaign has offered this device an update').waitFor();
    });

    it('lists campaigns and shows one with its phases', async () => {
      await session.open('/campaigns');
      await session.page.getByRole('link', { name: 'Sensor fusion 1.2' }).click();
      await session.page.getByRole('heading', { name: 'Phases' }).waitFor();
      expect(new URL(session.page.url()).pathname).toBe(`/campaigns/${BAD_CAMPAIGN_ID}`);
      const [canary, second] = await texts('.phase');
      expect(canary).toContain('canary, 1 device');
      expect(canary).toContain('rolled back 1');
      expect(canary).toContain('Error rate 100 % over the limit');
      expect(second).toContain('no result yet');
      expect((await texts('.verdict'))[0]).toContain('1 of 1 canaries rolled back');
      expect((await texts('.audit li'))[0]).toContain('Paused automatically by the gate');
      expect((await texts('.control'))[0]).toContain('1 of 1 device crashed');
      expect((await texts('.control-odds'))[0]).toContain('4.3 to 1; at 50 to 1');
      expect(session.troubles).toEqual([]);
    });

    it('shows firmware and what its deltas save', async () => {
      await session.open('/firmware');
      await session.page.getByRole('heading', { name: '1.3.0' }).waitFor();
      const rows = await texts('.firmware:nth-child(2) tbody tr');
      expect(rows).toEqual([
        'full 47.1 KiB –',
        'delta from 1.1.0 3.8 KiB 91.9 %',
        'delta from 1.2.0 Being computed',
      ]);
      expect(session.troubles).toEqual([]);
    });

    it('has words for an empty fleet', async () => {
      session.api.fleet = emptyFleet();
      await session.open('/');
      await session.page.getByText('No device is registered yet').waitFor();
      await session.page.getByRole('link', { name: 'Campaigns' }).click();
      await session.page.getByText('No campaign yet').waitFor();
      await session.page.getByRole('link', { name: 'Firmware' }).click();
      await session.page.getByText('No firmware yet').waitFor();
      expect(session.troubles).toEqual([]);
    });

    it('names what is not there', async () => {
      await session.open('/devices/nobody');
      await session.page.getByText('There is no such thing').waitFor();
      await session.open('/no/such/page');
      await session.page.getByText('There is no such page').waitFor();
    });

    it('goes back and forward, and loads any route directly', async () => {
      await session.open('/campaigns');
      const { page } = session;
      await page.getByRole('link', { name: 'Autumn release 1.3' }).click();
      await page.getByRole('heading', { name: 'Phases' }).waitFor();
      await page.goBack();
      await page.getByRole('heading', { name: 'Campaigns', level: 1 }).waitFor();
      await page.goForward();
      await page.reload();
      await page.getByRole('heading', { name: 'Autumn release 1.3' }).waitFor();
    });

    it.each([320, 360, 768, 1024])('never scrolls sideways at %d px', async (width) => {
      await session.page.setViewportSize({ width, height: 740 });
      const paths = [
        '/',
        '/devices',
        '/devices/device-07',
        '/campaigns',
        '/firmware',
        '/provisioning',
      ];
      for (const path of [...paths, `/campaigns/${RUNNING_CAMPAIGN_ID}`]) {
        await session.open(path);
        await session.page.locator('.live-dot.is-live').waitFor();
        const overflow = await session.page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect(overflow, path).toBeLessThanOrEqual(0);
      }
    });
  });

  describe('accessibility', () => {
    const paths = [
      '/',
      '/devices',
      '/devices/device-07',
      '/campaigns',
      `/campaigns/${BAD_CAMPAIGN_ID}`,
      '/campaigns/new',
      '/firmware',
      '/provisioning',
    ];
    it.each(['light', 'dark'] as const)('axe finds nothing serious, %s', async (scheme) => {
      const { page } = session;
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
      for (const path of paths) {
        await session.open(path);
        await page.locator('h1').waitFor();
        await expect.poll(() => page.locator('[aria-busy=true]').count()).toBe(0);
        expect(await seriousProblems(page), path).toEqual([]);
      }
    });

    it('axe finds nothing serious in a dialog', async () => {
      const { page } = session;
      await session.open('/firmware');
      await page.getByRole('button', { name: 'Upload…' }).click();
      await page.getByLabel('Artifact').waitFor();
      expect(await seriousProblems(page)).toEqual([]);
    });
  });

  describe('actions', () => {
    it('pauses with a reason, then resumes', async () => {
      await session.open(`/campaigns/${RUNNING_CAMPAIGN_ID}`);
      const { page } = session;
      await confirm('Pause', 'reboots look odd');
      await page.getByRole('button', { name: 'Resume…' }).waitFor();
      await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
      expect((await texts('.audit li'))[0]).toContain('Paused by operator reboots look odd');
      expect((await texts('.page-title'))[0]).toContain('Paused');
      await confirm('Resume', 'it was the weather');
      await page.getByRole('button', { name: 'Pause…' }).waitFor();
      expect((await texts('.subtitle'))[0]).toContain('round 2');
      expect((await texts('.audit li'))[0]).toContain('Resumed by operator it was the weather');
      expect(session.troubles).toEqual([]);
    });

    it('aborts for good', async () => {
      await session.open(`/campaigns/${BAD_CAMPAIGN_ID}`);
      await confirm('Abort', '1.2.0 is withdrawn');
      await expect.poll(() => session.page.getByRole('dialog').count()).toBe(0);
      expect(await session.page.locator('.actions').count()).toBe(0);
      expect(session.api.fleet.campaigns.find(({ id }) => id === BAD_CAMPAIGN_ID)?.status).toBe(
        'aborted',
      );
    });

    it('offers nothing on a completed campaign', async () => {
      await session.open(`/campaigns/${GOOD_CAMPAIGN_ID}`);
      await session.page.getByRole('heading', { name: 'Phases' }).waitFor();
      expect(await session.page.locator('.actions').count()).toBe(0);
    });

    it('asks for the reason before it sends anything', async () => {
      await session.open(`/campaigns/${RUNNING_CAMPAIGN_ID}`);
      const dialog = await confirm('Pause', '   ');
      await dialog.getByText('Say why').waitFor();
      expect(session.api.calls.filter((call) => call.startsWith('POST'))).toEqual([]);
    });

    it('shows the problem when the campaign moved on meanwhile', async () => {
      await session.open(`/campaigns/${RUNNING_CAMPAIGN_ID}`);
      const { page } = session;
      await page.getByRole('button', { name: 'Pause…' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Reason').fill('too late');
      const campaign = session.api.fleet.campaigns.find(({ id }) => id === RUNNING_CAMPAIGN_ID);
      campaign!.status = 'completed';
      await dialog.getByRole('button', { name: 'Pause campaign' }).click();
      await dialog.getByText('The current state does not allow this').waitFor();
      await dialog.getByText('cannot pause a campaign that is completed').waitFor();
      expect(await dialog.getByLabel('Reason').inputValue()).toBe('too late');
      expect((await texts('.page-title'))[0]).toContain('Completed');
    });

    it('works by keyboard alone', async () => {
      await session.open('/campaigns');
      const { page } = session;
      await page.getByRole('link', { name: 'Autumn release 1.3' }).waitFor();
      const focused = () =>
        page.evaluate(() => document.activeElement?.textContent?.replaceAll(/\s+/g, ' ').trim());
      const tabTo = async (text: string) => {
        for (let i = 0; i < 20 && (await focused()) !== text; i += 1) {
          await page.keyboard.press('Tab');
        }
        expect(await focused()).toBe(text);
      };
      await page.keyboard.press('Tab');
      expect(await focused()).toBe('Skip to content');
      await tabTo('Autumn release 1.3');
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: 'Pause…' }).waitFor();
      expect(await focused()).toBe('Autumn release 1.3');
      await tabTo('Pause…');
      await page.keyboard.press('Enter');
      const outline = await page
        .getByLabel('Reason')
        .evaluate((element) => getComputedStyle(element).outlineStyle);
      expect(outline).toBe('solid');
      await page.keyboard.press('Escape');
      await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
      await expect.poll(focused).toBe('Pause…');
      await page.keyboard.press('Enter');
      await page.keyboard.type('by keyboard');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: 'Resume…' }).waitFor();
      // The button that had the focus is gone; the title has it, not the top of the document.
      await expect.poll(focused).toBe('Autumn release 1.3');
      expect((await texts('.audit li'))[0]).toContain('by keyboard');
    });
  });

  describe('access', () => {
    it('takes the token out of the address and keeps it in the tab only', async () => {
      await session.open('/firmware');
      await session.page.getByRole('heading', { name: '1.3.0' }).waitFor();
      expect(session.page.url()).toBe(`${session.api.url}/firmware`);
      const stores = await session.page.evaluate(() => ({
        session: Object.values(sessionStorage) as string[],
        local: localStorage.length,
        cookie: document.cookie,
      }));
      expect(stores).toEqual({ session: [TOKEN], local: 0, cookie: '' });
      await session.page.reload();
      await session.page.getByRole('heading', { name: '1.3.0' }).waitFor();
    });

    it('asks for a token, refuses a wrong one and takes the right one', async () => {
      const { page } = session;
      await page.goto(session.api.url);
      await page.getByRole('heading', { name: 'Sign in to Flotilla' }).waitFor();
      expect(session.api.calls).toEqual([]);
      await page.getByLabel('Access token').fill('wrong');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByText('did not accept this token').waitFor();
      expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
      await page.getByLabel('Access token').fill(TOKEN);
      await page.keyboard.press('Enter');
      await page.getByRole('table', { name: 'Devices' }).waitFor();
    });

    it('forgets the token on sign-out', async () => {
      await session.open('/');
      await session.page.getByRole('button', { name: 'Sign out' }).click();
      await session.page.getByRole('heading', { name: 'Sign in to Flotilla' }).waitFor();
      expect(await session.page.evaluate(() => sessionStorage.length)).toBe(0);
    });
  });

  describe('live data', () => {
    it('shows a change without a reload and without moving the page', async () => {
      await session.open('/');
      const { page } = session;
      await page.getByRole('table', { name: 'Devices' }).waitFor();
      const before = await page.locator('.device-table').boundingBox();
      session.api.fleet.devices[0]!.firmwareVersion = '1.3.0';
      await expect
        .poll(() => texts('.legend li:first-child'), { timeout: 10_000 })
        .toEqual(['1.3.0 2 20 %']);
      expect(await page.locator('.device-table').boundingBox()).toEqual(before);
    });

    it('keeps the old data greyed under a banner while the server is gone', async () => {
      await session.open('/');
      const { page } = session;
      await page.getByRole('table', { name: 'Devices' }).waitFor();
      const before = await page.locator('.device-table').boundingBox();
      await session.api.stop();
      await page.getByText('The server does not answer').waitFor();
      expect(await page.locator('.device-table tbody tr').count()).toBe(10);
      expect(await page.locator('main.is-stale').count()).toBe(1);
      expect(await page.locator('.device-table').boundingBox()).toEqual(before);
      await page.getByText(/Data from/).waitFor();
    });

    it('recovers by itself', async () => {
      await session.open('/');
      const { page } = session;
      await page.getByRole('table', { name: 'Devices' }).waitFor();
      await page.route('**/api/**', (route) => route.abort());
      await page.getByText('The server does not answer').waitFor();
      await page.unroute('**/api/**');
      await page.locator('.live-dot.is-live').waitFor();
      expect(await page.locator('main.is-stale').count()).toBe(0);
    });

    it('asks nothing while the tab is hidden, and at once when it is seen again', async () => {
      const { page, api } = session;
      await page.clock.install();
      await session.open('/');
      await page.getByRole('table', { name: 'Devices' }).waitFor();
      const show = (hidden: boolean) =>
        page.evaluate((value) => {
          Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
          document.dispatchEvent(new Event('visibilitychange'));
        }, hidden);
      await page.clock.runFor(2500);
      await expect.poll(() => api.calls.length).toBeGreaterThan(1);
      await show(true);
      // An answer under way when the tab was hidden may still come; afterwards there is silence.
      await page.clock.runFor(5000);
      const calls = api.calls.length;
      await page.clock.runFor(60_000);
      expect(api.calls.length).toBe(calls);
      await show(false);
      await expect.poll(() => api.calls.length).toBe(calls + 1);
    });
  });
});
