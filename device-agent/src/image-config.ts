import { versionSchema } from '@flotilla/contracts';
import { z } from 'zod';
import type { CopyLocation } from './slots/boot-environment-store.ts';
import { bootedSlotOf } from './boot/booted-slot.ts';
import type { LoaderEnvironment } from './boot/loader-environment.ts';
import { probeOf, type ImageSettings } from './update-settings.ts';

const path = z.string().startsWith('/');

/** The part of the agent's environment that says where whole systems lie; all of it for image slots only. */
export const imageEnvironment = {
  /** Bundles that the agent runs itself, or partitions that a boot loader starts. */
  FLOTILLA_SLOTS: z.enum(['directory', 'image']).default('directory'),
  /** Partitions, or files of the size of one. */
  FLOTILLA_SLOT_A: path.optional(),
  FLOTILLA_SLOT_B: path.optional(),
  FLOTILLA_BOOT_LOADER: z.enum(['uboot', 'grub']).default('uboot'),
  /** grub: a folder. uboot: both copies as `path@offset,path@offset`, as in fw_env.config. */
  FLOTILLA_BOOT_ENVIRONMENT: z.string().optional(),
  /** uboot: CONFIG_ENV_SIZE, of one copy. */
  FLOTILLA_BOOT_ENVIRONMENT_BYTES: z.coerce.number().int().positive().default(16_384),
  /** What the factory wrote, until an update is confirmed. */
  FLOTILLA_FACTORY_VERSION: versionSchema.optional(),
  /** Program and arguments, separated by spaces. */
  FLOTILLA_REBOOT_COMMAND: z.string().default('/sbin/reboot'),
  /** URL or program that is well once the system is up; without it, it is up when the agent runs. */
  FLOTILLA_IMAGE_PROBE: z.string().optional(),
  /** Where the boot script names the slot it started, as flotilla.slot=a. */
  FLOTILLA_KERNEL_COMMAND_LINE: path.default('/proc/cmdline'),
};

type ImageEnvironment = z.output<z.ZodObject<typeof imageEnvironment>>;

/** Keys that image slots need and that are missing. */
export function missingForImages(config: ImageEnvironment): (keyof ImageEnvironment)[] {
  if (config.FLOTILLA_SLOTS === 'directory') return [];
  const needed = [
    'FLOTILLA_SLOT_A',
    'FLOTILLA_SLOT_B',
    'FLOTILLA_BOOT_ENVIRONMENT',
    'FLOTILLA_FACTORY_VERSION',
  ] as const;
  return needed.filter((key) => config[key] === undefined);
}

/** Null for bundles in folders. `commandLine` is the kernel's; throws when it names no slot. */
export function readImageSettings(
  config: ImageEnvironment,
  commandLine: () => string,
): ImageSettings | null {
  const { FLOTILLA_SLOT_A: a, FLOTILLA_SLOT_B: b, FLOTILLA_FACTORY_VERSION: version } = config;
  if (config.FLOTILLA_SLOTS === 'directory') return null;
  if (a === undefined || b === undefined || version === undefined) {
    throw new Error('image slots are not described');
  }
  const booted = bootedSlotOf(commandLine());
  if (booted === null) throw new Error('the kernel command line names no slot (flotilla.slot=a)');
  const probe = config.FLOTILLA_IMAGE_PROBE;
  return {
    devices: { a, b },
    booted,
    factoryVersion: version,
    environment: readLoader(config),
    rebootCommand: config.FLOTILLA_REBOOT_COMMAND.split(' ').filter((word) => word !== ''),
    health: probe === undefined ? null : probeOf(probe),
  };
}

function readLoader(config: ImageEnvironment): LoaderEnvironment {
  const text = config.FLOTILLA_BOOT_ENVIRONMENT ?? '';
  if (config.FLOTILLA_BOOT_LOADER === 'grub') return { loader: 'grub', folder: text };
  const [first, second] = text.split(',').map(readLocation);
  if (first === undefined || second === undefined) {
    throw new Error('FLOTILLA_BOOT_ENVIRONMENT names no two copies, as path@offset,path@offset');
  }
  const sizeBytes = config.FLOTILLA_BOOT_ENVIRONMENT_BYTES;
  return { loader: 'uboot', locations: [first, second], sizeBytes };
}

function readLocation(text: string): CopyLocation {
  const [location = '', offset = '0'] = text.split('@');
  return { path: location, offsetBytes: Number(offset) };
}
