import { createReadStream } from 'node:fs';
import { applyDelta, openFileBase } from '../src/index.ts';

/** `node apply-child.ts BASE PATCH`: prints by how many bytes applying raised this process's peak. */
const [basePath = '', patchPath = ''] = process.argv.slice(2);
const idleBytes = process.resourceUsage().maxRSS * 1024;
const base = await openFileBase(basePath);
let written = 0;
await applyDelta({
  base,
  patch: createReadStream(patchPath) as AsyncIterable<Buffer>,
  write: async (chunk) => {
    written += chunk.length;
    await Promise.resolve();
  },
});
await base.close();
const growthBytes = process.resourceUsage().maxRSS * 1024 - idleBytes;
console.log(JSON.stringify({ growthBytes, written }));
