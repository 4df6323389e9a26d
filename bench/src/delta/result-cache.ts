import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Results of long operations, one JSON file each, so that a run that was cut short goes on. */
export class ResultCache {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** What `measure` gave once for this key; what it throws is not kept. */
  async remember<T>(key: readonly string[], measure: () => Promise<T>): Promise<T> {
    const text = JSON.stringify(key);
    const name = createHash('sha256').update(text).digest('hex').slice(0, 32);
    const path = join(this.#folder, `${name}.json`);
    const known = await readFile(path, 'utf8').catch(() => null);
    if (known !== null) return (JSON.parse(known) as { result: T }).result;
    const result = await measure();
    await mkdir(this.#folder, { recursive: true });
    await writeFile(`${path}.part`, `${JSON.stringify({ key, result })}\n`);
    await rename(`${path}.part`, path);
    return result;
  }
}
