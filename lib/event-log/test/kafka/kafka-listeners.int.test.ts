import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { MeasuredEventLog } from '../../src/event-log-options.ts';
import { LogUnavailableError } from '../../src/log-errors.ts';
import { openEventLog } from '../../src/open-event-log.ts';
import { startKafkaBroker, type KafkaBroker } from '../../src/testing/kafka/kafka-broker.ts';

const RECORD = { key: 'k', value: Buffer.from('v'), headers: { a: 'b' } };
const ALL = { maxRecords: 10, maxBytes: 1e6 };

let folder: string;
let broker: KafkaBroker;
const opened: MeasuredEventLog[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotilla-kafka-'));
  await newCertificate('broker');
  await newCertificate('stranger');
  const read = (name: string) => readFile(join(folder, name), 'utf8');
  const [keyPem, certificatePem] = await Promise.all([read('broker.key'), read('broker.pem')]);
  const tls = { keyPem, certificatePem };
  broker = await startKafkaBroker({ folder, secured: { users: { ota: 's3cret' }, tls } });
});
afterEach(async () => {
  for (const log of opened.splice(0)) await log.close();
});
afterAll(async () => {
  await broker.kill();
  await rm(folder, { recursive: true, force: true });
});

/** A certificate that signs itself, and so is its own CA. */
async function newCertificate(name: string): Promise<void> {
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-days', '2', '-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'],
    ...['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.pem`)],
  ]);
}

async function open(url: string, writeTimeoutMs = 20_000): Promise<MeasuredEventLog> {
  const log = await openEventLog(url, { writeTimeoutMs });
  opened.push(log);
  return log;
}

const securedUrl = (query: string) => `kafka://ota:s3cret@${broker.securedBootstrap}/?${query}`;

describe('a TLS listener', () => {
  it('is written and read when its certificate is of the CA given', async () => {
    const log = await open(securedUrl(`ca=${join(folder, 'broker.pem')}`));
    await log.append('secured', [RECORD]);
    const consumer = await log.consumer('g', ['secured']);
    const [record] = await consumer.read({ topic: 'secured', partition: 0 }, 0, ALL);
    expect(record).toMatchObject({ key: 'k', headers: { a: 'b' } });
    expect(Buffer.from(record!.value).toString()).toBe('v');
  });

  it.each(['ca=stranger.pem', 'tls=true', 'tls=false'])(
    'is not spoken to with %s',
    async (option) => {
      const query = option.replace('ca=', `ca=${folder}/`);
      const log = await open(securedUrl(query), 500);
      await expect(log.append('secured', [RECORD])).rejects.toBeInstanceOf(LogUnavailableError);
    },
  );
});

describe('a broker that hangs', () => {
  it('makes appends LogUnavailableError when their time is up, and takes them once it goes on', async () => {
    const writeTimeoutMs = 1_500;
    const log = await open(broker.url, writeTimeoutMs);
    await log.append('hung', [RECORD]);
    process.kill(broker.pid, 'SIGSTOP');
    try {
      const startedAt = performance.now();
      const refused = await log.append('hung', [RECORD]).catch((error: unknown) => error);
      const tookMs = performance.now() - startedAt;
      expect(refused).toBeInstanceOf(LogUnavailableError);
      // Not at once, as with a closed port: the broker may still answer.
      expect(tookMs).toBeGreaterThan(writeTimeoutMs * 0.9);
      await expect(log.stats()).rejects.toBeInstanceOf(LogUnavailableError);
    } finally {
      process.kill(broker.pid, 'SIGCONT');
    }
    const append = () => log.append('hung', [RECORD]).then(() => 'taken');
    await expect.poll(append, { timeout: 20_000 }).toBe('taken');
    expect((await log.stats()).records).toBe(0);
  });
});
