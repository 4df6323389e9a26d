import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const KAFKA_VERSION = '4.3.1';

const POM = fileURLToPath(new URL('pom.xml', import.meta.url));
const CACHE = fileURLToPath(
  new URL('../../../../../node_modules/.cache/flotilla/', import.meta.url),
);

/**
 * The folder with the broker's jars. Maven takes them from Maven Central once (about 45 MB, needs
 * `mvn` and Java 17); later calls find them in node_modules/.cache.
 */
export async function kafkaJars(version = KAFKA_VERSION): Promise<string> {
  const folder = join(CACHE, `kafka-${version}`);
  if (existsSync(folder)) return folder;
  await mkdir(CACHE, { recursive: true });
  const loading = await mkdtemp(join(CACHE, 'kafka-loading-'));
  try {
    await promisify(execFile)('mvn', [
      ...['--batch-mode', '--quiet', '--file', POM, 'dependency:copy-dependencies'],
      ...[`-Dkafka.version=${version}`, '-DincludeScope=runtime', `-DoutputDirectory=${loading}`],
    ]);
    await rename(loading, folder);
  } catch (cause) {
    await rm(loading, { recursive: true, force: true });
    // Another process may have been faster; a folder appears only when it is complete.
    if (!existsSync(folder)) throw new Error('Maven did not load the Kafka broker', { cause });
  }
  return folder;
}

if (import.meta.main) process.stdout.write(`${await kafkaJars()}\n`);
