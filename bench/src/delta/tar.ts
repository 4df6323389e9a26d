import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

const BLOCK_BYTES = 512;

/**
 * A folder as an uncompressed ustar archive (POSIX.1-1988), members in name order and without times,
 * so that only content differs. `edit` may change a member on its way.
 */
export async function tarFolder(
  folder: string,
  edit: (path: string, bytes: Buffer) => Buffer = (_path, bytes) => bytes,
): Promise<Buffer> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith('node_modules') && path.length <= 100)
    .sort();
  const parts: Buffer[] = [];
  for (const path of paths) {
    const bytes = edit(path, await readFile(join(folder, path)));
    const padding = Buffer.alloc((BLOCK_BYTES - (bytes.length % BLOCK_BYTES)) % BLOCK_BYTES);
    parts.push(memberHeader(path, bytes.length), bytes, padding);
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK_BYTES)]);
}

function memberHeader(path: string, sizeBytes: number): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES);
  header.write(path, 0, 100);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${sizeBytes.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\0' + '00', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}
