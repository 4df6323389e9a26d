import { createPublicKey, randomBytes, type KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateEd25519, readPrivateKey } from '@flotilla/signing';
import { createRoot, withSignature, writeMetadata, type RoleKeys } from '@flotilla/trust';

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
  /** The publisher's keys: only publishing reads them, no service does. */
  readonly rootKey: string;
  readonly targetsKey: string;
  /** What devices and ota-service start to trust from. */
  readonly tufRoot: string;
  /** Folder of the keys that ota-service signs snapshot and timestamp with. */
  readonly tufKeys: string;
  readonly deviceTokenPrivateKey: string;
  readonly deviceTokenPublicKey: string;
  readonly operatorToken: string;
  readonly alertWebhookToken: string;
}

/** The embedded log of the data folder `root`. */
export function eventLogFile(root: string): string {
  return join(root, 'event-log', 'log.db');
}

/**
 * Creates folders, keys and the operator token on first use; later starts find the same ones. The
 * publisher's private keys may lie elsewhere, where no service can read them.
 */
export function openDataFolder(root: string, publisherDir = join(root, 'keys')): DataFolder {
  const folder: DataFolder = {
    root,
    logs: join(root, 'logs'),
    devices: join(root, 'devices'),
    eventLogUrl: `sqlite:${eventLogFile(root)}`,
    warehouseUrl: `chdb:${join(root, 'warehouse')}`,
    databaseUrl: `sqlite:${join(root, 'registry', 'registry.db')}`,
    artifacts: join(root, 'artifacts'),
    console: join(root, 'console'),
    rootKey: join(publisherDir, 'root.key.pem'),
    targetsKey: join(publisherDir, 'targets.key.pem'),
    tufRoot: join(root, 'keys', 'root.json'),
    tufKeys: join(root, 'keys', 'tuf'),
    deviceTokenPrivateKey: join(root, 'keys', 'device-token.key.pem'),
    deviceTokenPublicKey: join(root, 'keys', 'device-token.pub.pem'),
    operatorToken: join(root, 'keys', 'operator.token'),
    alertWebhookToken: join(root, 'keys', 'alert-webhook.token'),
  };
  for (const dir of ['logs', 'devices', 'event-log', 'warehouse', 'registry', 'artifacts']) {
    mkdirSync(join(root, dir), { recursive: true });
  }
  for (const dir of [join(root, 'keys'), folder.tufKeys, publisherDir]) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }
  ensureRoot(folder);
  ensureKeyPair(folder.deviceTokenPrivateKey, folder.deviceTokenPublicKey);
  for (const file of [folder.operatorToken, folder.alertWebhookToken]) {
    if (!existsSync(file)) writeSecret(file, `${randomBytes(24).toString('base64url')}\n`);
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

const YEAR_MS = 365 * 86_400_000;

/** One key a role: enough to start with; `flotilla root rotate` brings in more people. */
function ensureRoot(folder: DataFolder): void {
  if (existsSync(folder.tufRoot)) return;
  const rootKey = newKey(folder.rootKey);
  const only = (key: KeyObject): RoleKeys => ({ keys: [createPublicKey(key)], threshold: 1 });
  const roles = {
    root: only(rootKey),
    targets: only(newKey(folder.targetsKey)),
    snapshot: only(newKey(join(folder.tufKeys, 'snapshot.key.pem'))),
    timestamp: only(newKey(join(folder.tufKeys, 'timestamp.key.pem'))),
  };
  const root = withSignature(createRoot(roles, Date.now() + YEAR_MS), rootKey);
  // Last and at once: a root that is there has all its keys.
  writeFileSync(`${folder.tufRoot}.new`, writeMetadata(root));
  renameSync(`${folder.tufRoot}.new`, folder.tufRoot);
}

function newKey(file: string): KeyObject {
  const { privateKeyPem } = generateEd25519();
  writeSecret(file, privateKeyPem);
  return readPrivateKey(privateKeyPem);
}

function writeSecret(file: string, text: string): void {
  writeFileSync(file, text, { mode: 0o600 });
}
