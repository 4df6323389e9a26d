import { open, readFile, writeFile } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { applyDelta, createDelta, openFileBase } from '@flotilla/delta';

/**
 * One operation in a process of its own, so that its peak is its own:
 * `node measure.ts create|apply BASE TARGET-OR-PATCH OUTPUT`. Prints one line of JSON.
 */
const [operation, basePath = '', inputPath = '', outputPath = ''] = process.argv.slice(2);

/** Node itself, modules loaded, before any image is touched. */
const idleRssBytes = process.resourceUsage().maxRSS * 1024;
const startedMs = performance.now();
if (operation === 'create') {
  await writeFile(outputPath, createDelta(await readFile(basePath), await readFile(inputPath)));
} else {
  await applyToFile();
}
const elapsedMs = performance.now() - startedMs;
const peakRssBytes = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ elapsedMs, idleRssBytes, peakRssBytes }));

async function applyToFile(): Promise<void> {
  const base = await openFileBase(basePath);
  const output = await open(outputPath, 'w');
  try {
    const patch = createReadStream(inputPath) as AsyncIterable<Buffer>;
    await applyDelta({
      base,
      patch,
      write: async (chunk) => {
        await output.writeFile(chunk);
      },
    });
  } finally {
    await output.close();
    await base.close();
  }
}
