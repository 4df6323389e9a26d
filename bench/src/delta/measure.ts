import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { applyDelta, deltaChunks, openFileBase, openFileImage } from '@flotilla/delta';

/**
 * One operation in a process of its own, so that its peak is its own:
 * `node measure.ts create|apply BASE TARGET-OR-PATCH OUTPUT`. Prints one line of JSON.
 */
const [operation, basePath = '', inputPath = '', outputPath = ''] = process.argv.slice(2);

/** Node itself, modules loaded, before any image is touched. */
const idleRssBytes = process.resourceUsage().maxRSS * 1024;
const before = process.cpuUsage();
const output = await open(outputPath, 'w');
await (operation === 'create' ? createFromFiles() : applyToFile());
await output.close();
const { user, system } = process.cpuUsage(before);
const peakRssBytes = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ cpuSeconds: (user + system) / 1e6, idleRssBytes, peakRssBytes }));

async function createFromFiles(): Promise<void> {
  const chunks = deltaChunks(openFileImage(basePath), openFileImage(inputPath));
  for (const chunk of chunks) await output.writeFile(chunk);
}

async function applyToFile(): Promise<void> {
  const base = await openFileBase(basePath);
  await applyDelta({
    base,
    patch: createReadStream(inputPath),
    write: async (chunk) => {
      await output.writeFile(chunk);
    },
  });
  await base.close();
}
