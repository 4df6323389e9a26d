import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canRunVirtualDevice } from './can-run-virtual-device.ts';
import { BOOT_MS, UPDATE_MS, VirtualDeviceStand } from './virtual-device-stand.ts';

/** The one case that every change must pass: the others take too long for that. */
describe.skipIf(!canRunVirtualDevice())('a virtual device', () => {
  let stand: VirtualDeviceStand;
  beforeAll(async () => {
    stand = await VirtualDeviceStand.build();
    await stand.leaveFactory();
  });
  afterAll(() => stand.close());

  it('boots what the factory wrote, takes an update, and keeps it', async () => {
    await stand.offer({ version: '1.1.0' });
    const first = await stand.powerOn();
    await first.expect(/init: slot a version 1\.0\.0/, BOOT_MS);
    await first.expect(/init: slot b version 1\.1\.0/, UPDATE_MS);
    await stand.outcome('confirmed');
    expect(stand.states).not.toContain('rolled_back');
    await stand.cutPower();

    const again = await stand.powerOn();
    await again.expect(/order B A, .*b good\.\.\./, BOOT_MS);
    await again.expect(/init: slot b version 1\.1\.0/, BOOT_MS);
  });
});
