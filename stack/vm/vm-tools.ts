import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian packages a virtual device is built from and runs on, by what shows that one is there. */
const PROGRAMS = {
  'qemu-system-x86_64': 'qemu-system-x86',
  'grub-mkimage': 'grub-common',
  mke2fs: 'e2fsprogs',
  modprobe: 'kmod',
  busybox: 'busybox-static',
} as const;

export const GRUB_MODULES_DIR = '/usr/lib/grub/i386-pc';

const SEARCH_PATH = `${process.env.PATH ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`;

export interface GuestKernel {
  readonly release: string;
  readonly path: string;
}

/** Names of the Debian packages that are missing here; empty when a virtual device can be built and run. */
export function missingPackages(): string[] {
  const missing: string[] = [];
  for (const [program, debianPackage] of Object.entries(PROGRAMS)) {
    if (findProgram(program) === null) missing.push(debianPackage);
  }
  if (!existsSync(join(GRUB_MODULES_DIR, 'boot.img'))) missing.push('grub-pc-bin');
  if (findKernel() === null) missing.push('linux-image-cloud-amd64');
  return missing;
}

export function findProgram(name: string): string | null {
  for (const folder of SEARCH_PATH.split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

/** Throws when the program is missing: `missingPackages` tells before. */
export function requireProgram(name: keyof typeof PROGRAMS): string {
  const path = findProgram(name);
  if (path === null) throw new Error(`${name} is missing, install ${PROGRAMS[name]}`);
  return path;
}

/** The cloud flavour has NVMe and ext4 built in, so that no initramfs is needed. */
export function findKernel(): GuestKernel | null {
  if (!existsSync('/boot')) return null;
  const name = readdirSync('/boot')
    .filter((file) => /^vmlinuz-.*-cloud-amd64$/.test(file))
    .sort()
    .at(-1);
  if (name === undefined) return null;
  return { release: name.slice('vmlinuz-'.length), path: join('/boot', name) };
}
