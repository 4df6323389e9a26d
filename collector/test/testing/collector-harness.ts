import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEventLog, type StoredRecord } from '@flotilla/event-log';
import { generateEd25519, issueDeviceToken, readPrivateKey } from '@flotilla/signing';

export const { privateKeyPem, publicKeyPem } = generateEd25519();

export function tokenFor(deviceId: string, keyPem = privateKeyPem): Promise<string> {
  const identity = { deviceId, model: 'm1', group: 'default' };
  return issueDeviceToken(identity, readPrivateKey(keyPem), Date.now());
}

/** A folder with a key file and room for a log; `environment` starts a collector on it. */
export class CollectorFolder {
  readonly path: string;
  readonly logUrl: string;
  readonly environment: Record<string, string>;

  private constructor(path: string) {
    this.path = path;
    this.logUrl = `sqlite:${path}/log.db`;
    this.environment = {
      FLOTILLA_COLLECTOR_PORT: '0',
      FLOTILLA_COLLECTOR_GRPC_PORT: '0',
      FLOTILLA_EVENT_LOG: this.logUrl,
      FLOTILLA_DEVICE_TOKEN_PUBLIC_KEY_FILE: join(path, 'key.pem'),
    };
  }

  static async create(): Promise<CollectorFolder> {
    const path = await mkdtemp(join(tmpdir(), 'flotilla-collector-'));
    await writeFile(join(path, 'key.pem'), publicKeyPem);
    return new CollectorFolder(path);
  }

  remove(): Promise<void> {
    return rm(this.path, { recursive: true, force: true });
  }

  /** All a topic holds, with everything read committed when asked. */
  async readLog(topic: string, commit = false): Promise<StoredRecord[]> {
    const log = await openEventLog(this.logUrl);
    try {
      const consumer = await log.consumer('test', [topic]);
      const partition = { topic, partition: 0 };
      const records: StoredRecord[] = [];
      const end = await consumer.endOffset(partition);
      let offset = 0;
      while (offset < end) {
        const limits = { maxRecords: 1000, maxBytes: 64e6 };
        const more = await consumer.read(partition, offset, limits);
        records.push(...more);
        offset = more.at(-1)!.offset + 1;
      }
      if (commit) await consumer.commit(partition, { offset: end, metadata: '' });
      return records;
    } finally {
      await log.close();
    }
  }
}

/** The message of a google.rpc.Status, which these tests only see with a message. */
export function statusMessage(body: Buffer): string {
  if (body[0] !== 0x12) throw new Error(`not a Status: ${body.toString('hex')}`);
  const lengthBytes = body[1]! > 0x7f ? 2 : 1;
  return body.subarray(1 + lengthBytes).toString('utf8');
}
