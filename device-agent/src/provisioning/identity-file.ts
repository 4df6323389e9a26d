import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { claimAnswerSchema, type ClaimAnswer } from '@flotilla/contracts';
import type { Logger } from '@flotilla/service';
import { readOrSetAside, writeFileDurably } from '../disk/durable-file.ts';

/** What the last claim or renewal gave: certificate, roots and configuration, replaced as one. */
export class IdentityFile {
  readonly folder: string;
  readonly #logger: Logger;

  constructor(deviceDir: string, logger: Logger) {
    this.folder = join(deviceDir, 'identity');
    this.#logger = logger;
  }

  get keyPath(): string {
    return join(this.folder, 'device.key.pem');
  }

  async prepare(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
  }

  /** Null before the first claim; an unreadable file counts as none, and the device claims again. */
  read(): Promise<ClaimAnswer | null> {
    return readOrSetAside(this.#path, claimAnswerSchema, this.#logger);
  }

  write(identity: ClaimAnswer): Promise<void> {
    return writeFileDurably(this.#path, JSON.stringify(identity));
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }

  get #path(): string {
    return join(this.folder, 'identity.json');
  }
}
