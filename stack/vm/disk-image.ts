import { copyFile, mkdir, open, readFile, writeFile, type FileHandle } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeExt4 } from './ext4-image.ts';
import { runProgram } from './run-program.ts';
import { SLOT_BYTES } from './slot-image.ts';
import { GRUB_MODULES_DIR, requireProgram } from './vm-tools.ts';

const MIB = 1024 * 1024;
const SECTOR = 512;

/** Boot, slot a, slot b, data; the first MiB holds the partition table and GRUB itself. */
const PARTITION_BYTES = [8 * MIB, SLOT_BYTES, SLOT_BYTES, 128 * MIB] as const;

/** All GRUB needs for the shipped script, so that no file of a slot is run before it is chosen. */
const EMBEDDED_MODULES = [
  ...['biosdisk', 'part_msdos', 'ext2', 'normal', 'configfile', 'loadenv', 'test', 'echo', 'linux'],
  ...['serial', 'terminal', 'sleep', 'reboot', 'boot', 'minicmd'],
];

export interface DiskContents {
  readonly slotA: string;
  /** Folder that the data partition starts with. */
  readonly dataTree: string;
}

/** A whole disk as a factory would write it: GRUB, an empty boot environment, firmware in slot a only. */
export async function writeDiskImage(
  path: string,
  workDir: string,
  contents: DiskContents,
): Promise<void> {
  const boot = join(workDir, 'boot.ext4');
  const data = join(workDir, 'data.ext4');
  await writeExt4(boot, {
    sizeBytes: PARTITION_BYTES[0],
    journal: false,
    tree: await bootTree(workDir),
  });
  await writeExt4(data, {
    sizeBytes: PARTITION_BYTES[3],
    journal: true,
    tree: contents.dataTree,
  });
  const disk = await open(path, 'w');
  try {
    await writeLoader(disk, workDir);
    const starts = partitionStarts();
    const files = [boot, contents.slotA, null, data];
    for (const [index, file] of files.entries()) {
      if (file !== null) await copyInto(disk, starts[index] ?? 0, file);
    }
    await disk.truncate((starts[3] ?? 0) + PARTITION_BYTES[3]);
  } finally {
    await disk.close();
  }
}

/** The shipped boot script, unchanged, with the lines that this machine adds. */
async function bootTree(workDir: string): Promise<string> {
  const tree = join(workDir, 'boot-tree');
  await mkdir(tree, { recursive: true });
  const agent = createRequire(import.meta.url).resolve('@flotilla/device-agent/package.json');
  const script = join(agent, '..', 'boot-scripts', 'flotilla.grub.cfg');
  await copyFile(script, join(tree, 'flotilla.grub.cfg'));
  const config = fileURLToPath(new URL('grub.cfg', import.meta.url));
  await copyFile(config, join(tree, 'grub.cfg'));
  const emptyBlock = '# GRUB Environment Block\n'.padEnd(1024, '#');
  for (const name of ['env0', 'env1']) await writeFile(join(tree, name), emptyBlock);
  return tree;
}

/**
 * Boot sector and core image in the gap before the first partition. Both are built to be found there:
 * boot.img loads sector 1, whose code loads the rest from sector 2 on.
 */
async function writeLoader(disk: FileHandle, workDir: string): Promise<void> {
  const core = join(workDir, 'core.img');
  await runProgram(requireProgram('grub-mkimage'), [
    ...['-O', 'i386-pc', '-d', GRUB_MODULES_DIR, '-p', '(hd0,msdos1)', '-o', core],
    ...EMBEDDED_MODULES,
  ]);
  const coreBytes = await readFile(core);
  if (coreBytes.length > MIB - SECTOR) throw new Error('GRUB does not fit before the partitions');
  const bootSector = Buffer.from(await readFile(join(GRUB_MODULES_DIR, 'boot.img')));
  partitionTable().copy(bootSector, 446);
  await disk.write(bootSector, 0, SECTOR, 0);
  await disk.write(coreBytes, 0, coreBytes.length, SECTOR);
}

/** Four primary entries of type Linux (0x83), addressed by sector alone, and the boot signature. */
function partitionTable(): Buffer {
  const table = Buffer.alloc(66);
  const starts = partitionStarts();
  for (const [index, sizeBytes] of PARTITION_BYTES.entries()) {
    const at = index * 16;
    table.writeUInt8(0x83, at + 4);
    table.writeUInt32LE((starts[index] ?? 0) / SECTOR, at + 8);
    table.writeUInt32LE(sizeBytes / SECTOR, at + 12);
  }
  table.writeUInt16LE(0xaa55, 64);
  return table;
}

function partitionStarts(): number[] {
  const starts: number[] = [];
  let at = MIB;
  for (const sizeBytes of PARTITION_BYTES) {
    starts.push(at);
    at += sizeBytes;
  }
  return starts;
}

/** Blocks of zeros are left out: the disk stays sparse. */
async function copyInto(disk: FileHandle, position: number, path: string): Promise<void> {
  const source = await open(path, 'r');
  try {
    const block = Buffer.alloc(MIB);
    for (let at = 0; ;) {
      const { bytesRead } = await source.read(block, 0, block.length, at);
      if (bytesRead === 0) return;
      const bytes = block.subarray(0, bytesRead);
      if (bytes.some((byte) => byte !== 0)) {
        await disk.write(bytes, 0, bytesRead, position + at);
      }
      at += bytesRead;
    }
  } finally {
    await source.close();
  }
}
