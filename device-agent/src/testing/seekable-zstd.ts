import { zstdCompressSync } from 'node:zlib';

const SKIPPABLE_MAGIC = 0x184d2a5e;
const SEEKABLE_MAGIC = 0x8f92eab1;

/** Content as independent zstd frames with their seek table behind them (zstd's seekable format). */
export function seekableZstd(content: Buffer, frameBytes: number): Buffer {
  const frames: Buffer[] = [];
  const table: Buffer[] = [];
  for (let at = 0; at < content.length; at += frameBytes) {
    const plain = content.subarray(at, at + frameBytes);
    const frame = zstdCompressSync(plain);
    const entry = Buffer.alloc(8);
    entry.writeUInt32LE(frame.length, 0);
    entry.writeUInt32LE(plain.length, 4);
    frames.push(frame);
    table.push(entry);
  }
  const footer = Buffer.alloc(9);
  footer.writeUInt32LE(frames.length, 0);
  footer.writeUInt32LE(SEEKABLE_MAGIC, 5);
  const header = Buffer.alloc(8);
  header.writeUInt32LE(SKIPPABLE_MAGIC, 0);
  header.writeUInt32LE(8 * frames.length + footer.length, 4);
  return Buffer.concat([...frames, header, ...table, footer]);
}
