import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { zstdCompressSync } from 'node:zlib';

const FRAME_BYTES = 4 * 1024 * 1024;
/** Of each frame so much is noise, the rest repeats: as of a file system that is not full. */
const NOISE_BYTES = 256 * 1024;

export interface GeneratedImage {
  readonly image: { readonly sha256: string; readonly sizeBytes: number };
  readonly served: { readonly sha256: string; readonly sizeBytes: number };
}

/** Writes an image of `sizeBytes` as zstd frames to `path`, holding one frame at a time in memory. */
export async function generateImage(path: string, sizeBytes: number): Promise<GeneratedImage> {
  const image = createHash('sha256');
  const served = createHash('sha256');
  let servedBytes = 0;
  const file = await open(path, 'w');
  try {
    for (let at = 0; at < sizeBytes; at += FRAME_BYTES) {
      const content = frameContent(at / FRAME_BYTES).subarray(0, sizeBytes - at);
      const frame = zstdCompressSync(content);
      image.update(content);
      served.update(frame);
      servedBytes += frame.length;
      await file.writeFile(frame);
    }
  } finally {
    await file.close();
  }
  return {
    image: { sha256: image.digest('hex'), sizeBytes },
    served: { sha256: served.digest('hex'), sizeBytes: servedBytes },
  };
}

function frameContent(index: number): Buffer {
  const noise: Buffer[] = [];
  for (let at = 0; at < NOISE_BYTES; at += 64) {
    noise.push(createHash('sha512').update(`${index}:${at}`).digest());
  }
  const content = Buffer.alloc(FRAME_BYTES, `frame ${index} `);
  Buffer.concat(noise).copy(content, index % 1000);
  return content;
}
