import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDiskImage } from './disk-image.ts';
import { writeRuntimeImage } from './runtime-image.ts';
import { shellVariables, writeSlotImage, type SlotContents } from './slot-image.ts';
import type { MachineOptions } from './virtual-machine.ts';

/** What a device is provisioned with, and whom it talks to: URLs on this machine's loopback. */
export interface Provisioning {
  readonly deviceId: string;
  readonly model: string;
  readonly token: string;
  /** Text of root.json. */
  readonly pinnedRoot: string;
  readonly otaUrl: string;
  readonly collectorUrl: string;
  readonly trialMs: number;
  readonly trialBoots: number;
  readonly pollMs: number;
}

/** Under QEMU's user network this address is the host's loopback. */
export function seenFromGuest(url: string): string {
  return url.replace('//127.0.0.1', '//10.0.2.2').replace(/\/$/, '');
}

/**
 * A device as it leaves the factory, in `workDir`: its disk with `factory` in slot a and the read-only
 * runtime. `disk` may be copied to have more devices of one make.
 */
export async function buildVirtualDevice(
  workDir: string,
  factory: SlotContents,
  provisioning: Provisioning,
): Promise<Pick<MachineOptions, 'disk' | 'runtime' | 'consoleLog'>> {
  const at = (name: string) => join(workDir, name);
  const files = {
    disk: at('disk.img'),
    runtime: at('runtime.ext4'),
    consoleLog: at('console.log'),
  };
  await writeRuntimeImage(files.runtime, workDir);
  await writeSlotImage(at('factory.ext4'), workDir, factory);
  const dataTree = at('data-tree');
  await mkdir(dataTree, { recursive: true });
  await writeFile(join(dataTree, 'device.token'), `${provisioning.token}\n`);
  await writeFile(join(dataTree, 'root.json'), provisioning.pinnedRoot);
  const environment = shellVariables(agentEnvironment(factory.version, provisioning));
  await writeFile(join(dataTree, 'agent.env'), environment);
  await writeDiskImage(files.disk, workDir, { slotA: at('factory.ext4'), dataTree });
  return files;
}

function agentEnvironment(factoryVersion: string, device: Provisioning): Record<string, string> {
  return {
    FLOTILLA_DEVICE_ID: device.deviceId,
    FLOTILLA_DEVICE_MODEL: device.model,
    FLOTILLA_DEVICE_DIR: '/data/agent',
    FLOTILLA_DEVICE_TOKEN_FILE: '/data/device.token',
    FLOTILLA_TUF_ROOT_FILE: '/data/root.json',
    FLOTILLA_OTA_URL: seenFromGuest(device.otaUrl),
    FLOTILLA_COLLECTOR_URL: seenFromGuest(device.collectorUrl),
    FLOTILLA_SLOTS: 'image',
    FLOTILLA_SLOT_A: '/dev/nvme0n1p2',
    FLOTILLA_SLOT_B: '/dev/nvme0n1p3',
    FLOTILLA_BOOT_LOADER: 'grub',
    FLOTILLA_BOOT_ENVIRONMENT: '/loader',
    FLOTILLA_FACTORY_VERSION: factoryVersion,
    FLOTILLA_REBOOT_COMMAND: '/bin/busybox reboot -f',
    FLOTILLA_TRIAL_MS: String(device.trialMs),
    FLOTILLA_TRIAL_BOOTS: String(device.trialBoots),
    FLOTILLA_POLL_MS: String(device.pollMs),
    FLOTILLA_METRICS_INTERVAL_MS: '2000',
    // Emulated, every start of the agent is a burst of work that would count as too much.
    FLOTILLA_AGENT_MAX_CPU_SHARE: '1',
  };
}
