import {
  chmod,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeExt4 } from './ext4-image.ts';
import { runProgram } from './run-program.ts';
import { findKernel, requireProgram } from './vm-tools.ts';

export const SLOT_BYTES = 32 * 1024 * 1024;

/** Beside the kernel's own NVMe and ext4. */
const MODULES = ['virtio_pci', 'virtio_net'];

export interface SlotContents {
  readonly version: string;
  /** The part of the agent's environment that belongs to the firmware, not to the device. */
  readonly agentEnvironment?: Readonly<Record<string, string>>;
  /** In place of the real one: a system that does not even start. */
  readonly init?: string;
}

/** A root file system with its kernel, read-only when it runs: the artifact of a release. */
export async function writeSlotImage(
  path: string,
  workDir: string,
  contents: SlotContents,
): Promise<void> {
  const tree = await mkdtemp(join(workDir, 'slot-'));
  for (const folder of [
    ...['bin', 'sbin', 'boot', 'dev', 'proc', 'sys', 'tmp', 'data', 'runtime', 'loader', 'lib64'],
    ...['lib/modules', 'etc/flotilla'],
  ]) {
    await mkdir(join(tree, folder), { recursive: true });
  }
  const kernel = findKernel();
  if (kernel === null) throw new Error('no kernel, install linux-image-cloud-amd64');
  await copyFile(kernel.path, join(tree, 'boot/vmlinuz'));
  await addBusybox(tree);
  await addModules(tree, kernel.release);
  await addRuntimeLinks(tree);
  const settings = join(tree, 'etc/flotilla');
  await writeFile(join(settings, 'version'), `${contents.version}\n`);
  await writeFile(join(settings, 'agent.env'), shellVariables(contents.agentEnvironment ?? {}));
  const init =
    contents.init ?? (await readFile(fileURLToPath(new URL('init.sh', import.meta.url))));
  await writeProgram(join(tree, 'sbin/init'), init);
  await writeExt4(path, { sizeBytes: SLOT_BYTES, journal: false, tree });
}

/** `NAME='value'` a line, for a shell to read. */
export function shellVariables(variables: Readonly<Record<string, string>>): string {
  const quoted = (value: string) => `'${value.replaceAll("'", "'\\''")}'`;
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${quoted(value)}\n`)
    .join('');
}

async function writeProgram(path: string, text: string | Buffer): Promise<void> {
  await writeFile(path, text);
  await chmod(path, 0o755);
}

async function addBusybox(tree: string): Promise<void> {
  const busybox = requireProgram('busybox');
  await cp(busybox, join(tree, 'bin/busybox'), { dereference: true });
  const applets = await runProgram(busybox, ['--list']);
  for (const applet of applets.split('\n')) {
    if (applet !== '' && applet !== 'busybox') await symlink('busybox', join(tree, 'bin', applet));
  }
}

/** `order` names them so that each comes after those it needs. */
async function addModules(tree: string, release: string): Promise<void> {
  const files: string[] = [];
  for (const module of MODULES) {
    const plan = await runProgram(requireProgram('modprobe'), [
      ...['-S', release, '--show-depends', module],
    ]);
    for (const [, file = ''] of plan.matchAll(/^insmod (\S+)/gm)) {
      if (!files.includes(file)) files.push(file);
    }
  }
  for (const file of files) await copyFile(file, join(tree, 'lib/modules', basename(file)));
  await writeFile(join(tree, 'lib/modules/order'), files.map((f) => `${basename(f)}\n`).join(''));
}

/** Node and what it links to lie on a partition that both slots share. */
async function addRuntimeLinks(tree: string): Promise<void> {
  await symlink('/runtime/lib', join(tree, 'lib/x86_64-linux-gnu'));
  await symlink('/runtime/lib/ld-linux-x86-64.so.2', join(tree, 'lib64/ld-linux-x86-64.so.2'));
  await symlink('/runtime/bin/node', join(tree, 'bin/node'));
}
