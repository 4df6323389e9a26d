import { NotAvailable } from './registry.ts';

/** Fields of the x86 boot protocol's header (Documentation/arch/x86/boot.rst). */
const SETUP_SECTORS_AT = 0x1f1;
const PAYLOAD_OFFSET_AT = 0x248;
const PAYLOAD_LENGTH_AT = 0x24c;
const SECTOR_BYTES = 512;
/** Of LZ4's legacy frame (lz4_Frame_format.md), which kernels are packed in. */
const LZ4_LEGACY_MAGIC = 0x184c2102;

/** The kernel inside an x86 boot image. Throws NotAvailable for other packings than LZ4. */
export function unpackKernel(image: Buffer): Buffer {
  const setupBytes = ((image[SETUP_SECTORS_AT] ?? 0) || 4) * SECTOR_BYTES + SECTOR_BYTES;
  const from = setupBytes + image.readUInt32LE(PAYLOAD_OFFSET_AT);
  const payload = image.subarray(from, from + image.readUInt32LE(PAYLOAD_LENGTH_AT));
  if (payload.readUInt32LE(0) !== LZ4_LEGACY_MAGIC) {
    throw new NotAvailable('the kernel is not packed by LZ4');
  }
  // The size of what was packed follows the packed bytes.
  const made = Buffer.alloc(payload.readUInt32LE(payload.length - 4));
  let size = 0;
  for (let at = 4; size < made.length;) {
    const blockBytes = payload.readUInt32LE(at);
    size = unpackBlock(payload.subarray(at + 4, at + 4 + blockBytes), made, size);
    at += 4 + blockBytes;
  }
  return made;
}

/** One block (lz4_Block_format.md) to `made` from `size` on; returns the size then. */
function unpackBlock(block: Buffer, made: Buffer, size: number): number {
  let at = 0;
  let end = size;
  const longer = (length: number): number => {
    if (length !== 15) return length;
    let sum = length;
    for (let more = 255; more === 255;) sum += more = block.readUInt8(at++);
    return sum;
  };
  while (at < block.length) {
    const token = block.readUInt8(at++);
    const literals = longer(token >> 4);
    block.copy(made, end, at, at + literals);
    at += literals;
    end += literals;
    if (at >= block.length) break;
    const distance = block.readUInt16LE(at);
    at += 2;
    const copied = longer(token & 15) + 4;
    // May overlap what it makes, so byte by byte.
    for (let i = 0; i < copied; i++, end++) made[end] = made[end - distance] ?? 0;
  }
  return end;
}
