import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { buildConsole } from '../build-console.ts';
import { startFakeApi, type FakeApi } from './fake-api.ts';
import { storyFleet } from './fake-fleet.ts';

export const TOKEN = 'test-token';

/** A tab on a console of its own, and what went wrong in it. */
export interface ConsoleSession {
  readonly page: Page;
  readonly api: FakeApi;
  /** Console errors, page errors and policy violations so far. */
  readonly troubles: string[];
  open(path: string): Promise<void>;
  close(): Promise<void>;
}

/** Builds the console into a temporary folder; remove it with the returned function. */
export async function buildToTemporaryFolder(): Promise<{
  dir: string;
  remove: () => Promise<void>;
}> {
  const dir = await mkdtemp(join(tmpdir(), 'flotilla-console-'));
  await buildConsole(dir);
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}

export async function startSession(
  browser: Browser,
  consoleDir: string,
  options: BrowserContextOptions = {},
): Promise<ConsoleSession> {
  const api = await startFakeApi({ token: TOKEN, consoleDir, fleet: storyFleet(Date.now()) });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const troubles: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') troubles.push(message.text());
  });
  page.on('pageerror', (error) => troubles.push(String(error)));
  return {
    page,
    api,
    troubles,
    open: async (path) => {
      await page.goto(`${api.url}${path}#token=${TOKEN}`);
    },
    close: async () => {
      await context.close();
      await api.stop();
    },
  };
}
