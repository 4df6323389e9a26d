import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { canRunVirtualDevice } from './can-run-virtual-device.ts';
import { BOOT_MS, UPDATE_MS, VirtualDeviceStand } from './virtual-device-stand.ts';

/** From which on a cut may come, in turn: loader and kernel, download, the writing's end and the trial. */
const CUT_STAGES = [
  null,
  /"state":"\w+"/,
  /"state":"(installing|trial|confirmed|rolled_back)"/,
] as const;
/** Over which cuts are spread from there on: on an idle machine longer than the stage takes. */
const CUT_WINDOW_MS = 40_000;
const CUTS = Number(process.env.VM_CUTS ?? 6);
const CUTS_MS = CUTS * BOOT_MS + UPDATE_MS + 2 * BOOT_MS;

describe.skipIf(!canRunVirtualDevice())('a virtual device in hard times', () => {
  let stand: VirtualDeviceStand;
  beforeAll(async () => {
    stand = await VirtualDeviceStand.build();
  });
  afterAll(() => stand.close());
  beforeEach(() => stand.leaveFactory());
  afterEach(() => stand.cutPower());

  it('returns to its firmware from one that cannot reach the collector', async () => {
    const agentEnvironment = { FLOTILLA_COLLECTOR_URL: 'http://10.0.2.99:4318' };
    await stand.offer({ version: '1.3.0', agentEnvironment });
    const device = await stand.powerOn();
    const { end } = await device.expect(/loader: slot b, order B A, .* b trial\.\. 1/, UPDATE_MS);
    const { end: last } = await device.expect(/loader: slot b, .* b trial\.\. 0/, BOOT_MS, end);
    await device.expect(/init: slot a version 1\.0\.0/, UPDATE_MS, last);
    await stand.outcome('rolled_back');
    expect(stand.states).not.toContain('confirmed');
  });

  it('starts and goes on by itself wherever its power is cut', { timeout: CUTS_MS }, async () => {
    const table: string[] = [];
    const offerAnew = async () => {
      await stand.leaveFactory();
      await stand.offer({ version: '1.1.0' });
    };
    await offerAnew();
    for (let cut = 1; cut <= CUTS; cut += 1) {
      if (stand.isOver) await offerAnew();
      const device = await stand.powerOn();
      const stage = CUT_STAGES[cut % CUT_STAGES.length] ?? null;
      // A cut before may have hit a device that was done and had not said so yet.
      const isThere = () => stage === null || stage.test(device.console) || stand.isOver;
      await vi.waitFor(() => expect(isThere()).toBe(true), { timeout: UPDATE_MS, interval: 200 });
      const afterMs = Math.round(Math.random() * CUT_WINDOW_MS);
      await setTimeout(afterMs);
      await stand.cutPower();
      const state = device.console.match(/"state":"\w+"/g)?.at(-1) ?? 'no update';
      const boots = device.console.match(/init: slot . version \S+/g) ?? [];
      table.push(`cut ${cut}: ${afterMs} ms, ${state}, ${boots.join(', ')}`);
    }
    console.log(table.join('\n'));

    const last = await stand.powerOn();
    await last.expect(/init: slot (a version 1\.0\.0|b version 1\.1\.0)/, BOOT_MS);
    // A cut during a trial spends one of its boots: then the old version is the right end.
    await vi.waitFor(() => expect(stand.isOver).toBe(true), { timeout: UPDATE_MS, interval: 500 });
    const isNew = stand.states.at(-1) === 'confirmed';
    await stand.cutPower();
    const again = await stand.powerOn();
    const slot = isNew ? /init: slot b version 1\.1\.0/ : /init: slot a version 1\.0\.0/;
    await again.expect(slot, BOOT_MS);
  });
});
