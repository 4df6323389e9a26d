import { stat, writeFile } from 'node:fs/promises';
import { computeDelta } from '@flotilla/ota-service/src/delta/compute-delta.ts';

/** `node measure-worker.ts BASE TARGET PATCH`: as the service makes a delta, on a thread; prints its cost. */
const [baseFile = '', targetFile = '', patchPath = ''] = process.argv.slice(2);
const before = process.cpuUsage();
const maxBytes = (await stat(targetFile)).size;
const delta = await computeDelta({ baseFile, targetFile, maxBytes }, new AbortController().signal);
const { user, system } = process.cpuUsage(before);
const peakRssBytes = process.resourceUsage().maxRSS * 1024;
await writeFile(patchPath, delta);
console.log(JSON.stringify({ cpuSeconds: (user + system) / 1e6, peakRssBytes }));
