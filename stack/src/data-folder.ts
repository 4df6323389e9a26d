import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateEd25519 } from '@flotilla/signing';

/** Where the embedded stack keeps everything, below one folder. */
export interface DataFolder {
  readonly root: string;
  readonly logs: string;
  readonly devices: string;
  readonly eventLogUrl: string;
  readonly warehouseUrl: string;
  readonly databaseUrl: string;
  readonly artifacts: string;
  readonly console: string;
  /** The publisher's key: only publishing reads it, no service does. */
  readonly releasePrivateKey: string;
  readonly releasePublicKey: string;
  readonly deviceTokenPrivateKey: string;
  readonly deviceTokenPublicKey: string;
  readonly operatorToken: string;
}

/**
 * Creates folders, keys and the operator token on first use; later starts find the same ones. The
 * publisher's private key may lie elsewhere, where no service can read it.
 */
export function openDataFolder(root: string, publisherDir = join(root, 'keys')): DataFolder {
  const folder: DataFolder = {
    root,
    logs: join(root, 'logs'),
    devices: join(root, 'devices'),
    eventLogUrl: `sqlite:${join(root, 'event-log', 'log.db')}`,
    warehouseUrl: `chdb:${join(root, 'warehouse')}`,
    databaseUrl: `sqlite:${join(root, 'registry', 'registry.db')}`,
    artifacts: join(root, 'artifacts'),
    console: join(root, 'console'),
    releasePrivateKey: join(publisherDir, 'release.key.pem'),
    releasePublicKey: join(root, 'keys', 'release.pub.pem'),
    deviceTokenPrivateKey: join(root, 'keys', 'device-token.key.pem'),
    deviceTokenPublicKey: join(root, 'keys', 'device-token.pub.pem'),
    operatorToken: join(root, 'keys', 'operator.token'),
  };
  for (const dir of ['logs', 'devices', 'event-log', 'warehouse', 'registry', 'artifacts']) {
    mkdirSync(join(root, dir), { recursive: true });
  }
  for (const dir of [join(root, 'keys'), publisherDir]) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }
  ensureKeyPair(folder.releasePrivateKey, folder.releasePublicKey);
  ensureKeyPair(folder.deviceTokenPrivateKey, folder.deviceTokenPublicKey);
  if (!existsSync(folder.operatorToken)) {
    writeSecret(folder.operatorToken, `${randomBytes(24).toString('base64url')}\n`);
  }
  return folder;
}

export function readOperatorToken(folder: DataFolder): string {
  return readFileSync(folder.operatorToken, 'utf8').trim();
}

function ensureKeyPair(privateFile: string, publicFile: string): void {
  if (existsSync(privateFile) && existsSync(publicFile)) return;
  const pair = generateEd25519();
  writeFileSync(publicFile, pair.publicKeyPem);
  writeSecret(privateFile, pair.privateKeyPem);
}

function writeSecret(file: string, text: string): void {
  writeFileSync(file, text, { mode: 0o600 });
}
