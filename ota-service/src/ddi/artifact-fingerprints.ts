import { createHash } from 'node:crypto';
import type { ArtifactStore } from '../firmware/artifact-store.ts';

/** What a DDI artifact carries beside its SHA-256; SWUpdate compares the SHA-1. */
export interface Fingerprint {
  readonly sha1: string;
  readonly md5: string;
  /** Installers tell the kinds apart by the file's name. */
  readonly extension: 'swu' | 'raucb' | 'bin';
}

const MAX_REMEMBERED = 100;

/** Reads each artifact once and remembers; nothing of it is a matter of trust. */
export class ArtifactFingerprints {
  readonly #artifacts: ArtifactStore;
  readonly #known = new Map<string, Promise<Fingerprint>>();
  constructor(artifacts: ArtifactStore) {
    this.#artifacts = artifacts;
  }

  of(sha256: string, sizeBytes: number): Promise<Fingerprint> {
    const known = this.#known.get(sha256);
    if (known !== undefined) return known;
    const reading = this.#read(sha256, sizeBytes);
    this.#known.set(sha256, reading);
    reading.catch(() => this.#known.delete(sha256));
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_REMEMBERED && oldest !== undefined) this.#known.delete(oldest);
    return reading;
  }

  async #read(sha256: string, sizeBytes: number): Promise<Fingerprint> {
    const sha1 = createHash('sha1');
    const md5 = createHash('md5');
    let extension: Fingerprint['extension'] | null = null;
    for await (const chunk of this.#artifacts.open(sha256, 0, sizeBytes - 1)) {
      const bytes = chunk as Buffer;
      extension ??= extensionOf(bytes);
      sha1.update(bytes);
      md5.update(bytes);
    }
    return { sha1: sha1.digest('hex'), md5: md5.digest('hex'), extension: extension ?? 'bin' };
  }
}

/** A .swu is a cpio archive (new ASCII format, with or without checksums), a RAUC bundle squashfs. */
function extensionOf(start: Buffer): Fingerprint['extension'] {
  const magic = start.toString('latin1', 0, 6);
  if (magic === '070701' || magic === '070702') return 'swu';
  return magic.startsWith('hsqs') ? 'raucb' : 'bin';
}
