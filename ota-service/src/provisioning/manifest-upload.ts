import { createHash, createPublicKey, verify } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import {
  manifestStatement,
  type FieldError,
  type ManifestRow,
  type ManifestView,
} from '@flotilla/contracts';
import { ProblemError } from '@flotilla/service';
import { readClaimKey } from './claim-key.ts';
import { ManifestLines } from './domain/manifest-line.ts';
import { MAX_MANIFEST_ROWS, type ManifestStore } from './manifest-store.ts';

/** A claim key of P-256 has 124 characters, a name 64. */
const MAX_LINE_CHARACTERS = 4096;
const MAX_ERRORS_TOLD = 100;

export interface ManifestUpload {
  readonly id: string;
  readonly manufacturer: string;
  readonly format: 'csv' | 'jsonl';
  readonly signature: Buffer;
}

/**
 * Takes a manifest as it streams by, in constant memory. Its devices count once all of it was read,
 * every line was good and the signature holds; else nothing of it is kept. Throws ProblemError
 * `validation_failed` with the lines at fault, `signature_invalid`, `forbidden` or `conflict`.
 */
export async function receiveManifest(
  upload: ManifestUpload,
  body: AsyncIterable<Buffer>,
  store: ManifestStore,
  nowMs: number,
): Promise<ManifestView> {
  const { id, manufacturer: name } = upload;
  const manufacturer = await store.manufacturer(name);
  if (manufacturer === undefined || manufacturer.revoked_at_ms !== null) {
    throw new ProblemError('forbidden', { detail: `no key of ${name} is registered` });
  }
  await store.begin(id, manufacturer.id, nowMs);
  try {
    const intake = new ManifestIntake(id, store, upload.format);
    const sha256 = await intake.read(body);
    const statement = Buffer.from(manifestStatement(sha256));
    // Who did not sign learns nothing about the lines.
    const key = createPublicKey(manufacturer.public_key_pem);
    if (!verify(null, statement, key, upload.signature)) {
      throw new ProblemError('signature_invalid', { detail: `${name} did not sign this manifest` });
    }
    intake.throwFaults();
    if (!(await store.accept(id, sha256, intake.devices))) {
      throw new ProblemError('conflict', {
        detail: 'another manifest with some of these serials came in meanwhile; send it again',
      });
    }
    return { id, manufacturer: name, sha256, devices: intake.devices, known: intake.known };
  } catch (error) {
    await store.discard(id);
    throw error;
  }
}

class ManifestIntake {
  readonly #id: string;
  readonly #store: ManifestStore;
  readonly #lines: ManifestLines;
  readonly #errors: FieldError[] = [];
  #faults = 0;
  #lineNumber = 0;
  #batch = new Map<string, { row: ManifestRow; line: number }>();
  devices = 0;
  known = 0;

  constructor(id: string, store: ManifestStore, format: 'csv' | 'jsonl') {
    this.#id = id;
    this.#store = store;
    this.#lines = new ManifestLines(format);
  }

  /** SHA-256 of the body. */
  async read(body: AsyncIterable<Buffer>): Promise<string> {
    const hash = createHash('sha256');
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of body) {
      hash.update(chunk);
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) await this.#take(line);
      if (rest.length > MAX_LINE_CHARACTERS) {
        throw tooLong(this.#lineNumber + 1);
      }
    }
    await this.#take(rest + decoder.decode());
    await this.#flush();
    return hash.digest('hex');
  }

  throwFaults(): void {
    if (this.#faults === 0 && this.devices > 0) return;
    if (this.#faults === 0) {
      throw new ProblemError('validation_failed', { detail: 'the manifest names no device' });
    }
    const [first] = this.#errors;
    throw new ProblemError('validation_failed', {
      detail: `${this.#faults} lines are at fault, first ${first?.pointer}: ${first?.detail}`,
      errors: this.#errors,
    });
  }

  async #take(line: string): Promise<void> {
    this.#lineNumber += 1;
    if (line.length > MAX_LINE_CHARACTERS) throw tooLong(this.#lineNumber);
    const reading = this.#lines.read(line.endsWith('\r') ? line.slice(0, -1) : line);
    if (reading.kind === 'nothing') return;
    if (reading.kind === 'fault') {
      this.#fault(this.#lineNumber, reading.detail);
      return;
    }
    const { row } = reading;
    this.devices += 1;
    if (readClaimKey(row.claimKey) === null) {
      this.#fault(this.#lineNumber, 'claimKey: is no Ed25519 or P-256 public key');
    } else if (this.#batch.has(row.serial)) {
      this.#fault(this.#lineNumber, `${row.serial} stands in it twice`);
    } else {
      this.#batch.set(row.serial, { row, line: this.#lineNumber });
      if (this.#batch.size === MAX_MANIFEST_ROWS) await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    const batch = this.#batch;
    if (batch.size === 0) return;
    this.#batch = new Map();
    const rows = [...batch.values()].map(({ row }) => row);
    const { known, conflicts } = await this.#store.addRows(this.#id, rows);
    this.known += known;
    for (const { serial, detail } of conflicts) this.#fault(batch.get(serial)?.line ?? 0, detail);
    // An embedded registry answers without leaving the event loop.
    await setImmediate();
  }

  #fault(line: number, detail: string): void {
    this.#faults += 1;
    if (this.#errors.length < MAX_ERRORS_TOLD) {
      this.#errors.push({ pointer: `/body/lines/${line}`, detail });
    }
  }
}

function tooLong(line: number): ProblemError {
  const detail = `is longer than ${MAX_LINE_CHARACTERS} characters`;
  return new ProblemError('validation_failed', {
    detail: `line ${line} ${detail}`,
    errors: [{ pointer: `/body/lines/${line}`, detail }],
  });
}
