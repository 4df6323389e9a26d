import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { buildPlugin } from './build-plugin.ts';

/** `npm run plugin`: builds the Grafana app plugin into `grafana-plugin/dist`. */
const packageFile = new URL('../package.json', import.meta.url);
const { version } = JSON.parse(await readFile(packageFile, 'utf8')) as { version: string };
await buildPlugin(fileURLToPath(new URL('../dist', import.meta.url)), {
  version,
  date: new Date().toISOString().slice(0, 10),
});
