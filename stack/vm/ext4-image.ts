import { rm } from 'node:fs/promises';
import { requireProgram } from './vm-tools.ts';
import { runProgram } from './run-program.ts';

export interface Ext4Options {
  readonly sizeBytes: number;
  /** Of what is written while the device runs; a boot partition and read-only slots go without. */
  readonly journal: boolean;
  /** Folder whose content the file system starts with. */
  readonly tree: string;
}

/** A file system in a file, without mounting anything. */
export async function writeExt4(path: string, options: Ext4Options): Promise<void> {
  await rm(path, { force: true });
  const features = `${options.journal ? '' : '^has_journal,'}^metadata_csum,^64bit,^orphan_file`;
  await runProgram(requireProgram('mke2fs'), [
    ...['-q', '-F', '-t', 'ext4', '-m', '0', '-b', '4096'],
    ...['-O', features, '-E', 'root_owner=0:0', '-d', options.tree],
    path,
    `${Math.ceil(options.sizeBytes / 1024)}k`,
  ]);
}
