import type { Browser } from 'playwright-core';

export interface PageVisit {
  /** From the start of the navigation until the page shows what it is for. */
  readonly usefulMs: number;
  /** Of the page's thread, while devices are searched and paged. */
  readonly longestTaskMs: number;
  /** Of scripts, style and answers, as they came over the wire. */
  readonly transferBytes: number;
}

declare global {
  interface Window {
    usefulMs?: number;
    longTasks?: number[];
  }
}

/** Opens the fleet's page with an empty cache, then searches and pages through its devices. */
export async function measureFleetPage(
  browser: Browser,
  address: string,
  devices: number,
): Promise<PageVisit> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  await page.addInitScript(() => {
    window.longTasks = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.longTasks?.push(entry.duration);
    }).observe({ type: 'longtask' });
    const look = () => {
      const isUseful =
        document.querySelector('.tile-number') !== null &&
        document.querySelector('.device-table tbody tr') !== null;
      if (isUseful) window.usefulMs = performance.now();
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  await page.goto(address);
  await page.waitForFunction(() => window.usefulMs !== undefined);
  const usefulMs = await page.evaluate(() => window.usefulMs ?? Number.NaN);
  const transferBytes = await page.evaluate(() =>
    performance
      .getEntriesByType('resource')
      .reduce((sum, entry) => sum + (entry as PerformanceResourceTiming).transferSize, 0),
  );
  await page.evaluate(() => (window.longTasks = []));
  await page.getByRole('link', { name: 'All devices' }).click();
  const search = page.getByLabel('Search by device id');
  await search.pressSequentially(String(devices - 1).padStart(7, '0'), { delay: 40 });
  await page.getByRole('link', { name: `dev-${String(devices - 1).padStart(7, '0')}` }).waitFor();
  await search.fill('');
  for (let i = 0; i < 3; i += 1) {
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByText(`page ${i + 2}`).waitFor();
  }
  const longTasks = await page.evaluate(() => window.longTasks ?? []);
  await context.close();
  return { usefulMs, transferBytes, longestTaskMs: Math.max(0, ...longTasks) };
}
