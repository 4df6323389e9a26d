import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tool } from './registry.ts';

export type FileSystem = 'ext4' | 'squashfs-gzip' | 'squashfs-zstd' | 'squashfs-plain';

/** Times and ids that two builds share, so that only content differs. */
const BUILT_AT = '1700000000';
const EXT4_UUID = '8a5b1a0c-0000-4000-8000-000000000001';
const EXT4_HASH_SEED = '8a5b1a0c-0000-4000-8000-000000000002';
const EXT4_SIZE = '48m';

/** An image, made in `folder`, of a tree that holds each archive (.tgz) below its number. */
export async function packFileSystem(
  type: FileSystem,
  folder: string,
  archives: readonly string[],
): Promise<Buffer> {
  const root = join(folder, 'root');
  for (const [i, archive] of archives.entries()) {
    const place = join(root, 'opt', String(i));
    await mkdir(place, { recursive: true });
    await tool('tar', ['-xzf', archive, '-C', place]);
  }
  await tool('find', [root, '-exec', 'touch', '-h', '-d', `@${BUILT_AT}`, '{}', '+']);
  const image = join(folder, 'image');
  if (type === 'ext4') await makeExt4(root, image);
  else await makeSquashfs(type, root, image);
  return readFile(image);
}

async function makeExt4(root: string, image: string): Promise<void> {
  const extended = `hash_seed=${EXT4_HASH_SEED},root_owner=0:0`;
  const options = ['-t', 'ext4', '-b', '4096', '-U', EXT4_UUID, '-E', extended];
  const journal = ['-O', '^has_journal'];
  const command = ['mke2fs', '-q', ...options, ...journal, '-d', root, image, EXT4_SIZE];
  await tool('env', [`E2FSPROGS_FAKE_TIME=${BUILT_AT}`, ...command]);
}

async function makeSquashfs(type: FileSystem, root: string, image: string): Promise<void> {
  const compression =
    type === 'squashfs-plain'
      ? ['-noI', '-noD', '-noF', '-noX']
      : ['-comp', type === 'squashfs-zstd' ? 'zstd' : 'gzip'];
  const times = ['-mkfs-time', BUILT_AT, '-all-time', BUILT_AT];
  const options = ['-all-root', '-no-xattrs', '-no-progress', '-quiet', ...times];
  await tool('mksquashfs', [root, image, ...compression, ...options]);
}
