import { resolve } from 'node:path';
import { buildConsole } from '@flotilla/grafana-plugin';
import { openDataFolder } from '../data-folder.ts';

/**
 * `node stack/src/cli/init.ts FOLDER PUBLISHER-FOLDER`: folders, keys, operator token and the built
 * console; the release's private key alone goes to the publisher's folder.
 */
const [folder, publisher] = process.argv.slice(2);
if (folder === undefined || publisher === undefined) {
  process.stderr.write('usage: init.ts FOLDER PUBLISHER-FOLDER\n');
  process.exit(2);
}
await buildConsole(openDataFolder(resolve(folder), resolve(publisher)).console);
