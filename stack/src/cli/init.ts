import { resolve } from 'node:path';
import { buildConsole } from '@flotilla/grafana-plugin';
import { openDataFolder } from '../data-folder.ts';

/** `node stack/src/cli/init.ts FOLDER`: folders, keys, operator token and the built console. */
const folder = process.argv[2];
if (folder === undefined) {
  process.stderr.write('usage: init.ts FOLDER\n');
  process.exit(2);
}
await buildConsole(openDataFolder(resolve(folder)).console);
