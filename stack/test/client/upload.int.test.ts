import { createHash } from 'node:crypto';
import { mkdtempSync, openAsBlob, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ApiClient, ApiProblem } from '../../src/client/api-client.ts';

const FILE_BYTES = 48 * 1024 * 1024;

const bytesHeld = () => {
  const { arrayBuffers, external } = process.memoryUsage();
  return arrayBuffers + external;
};

it('sends a file as it is read, with its length, and not ahead of who takes it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-upload-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'image');
  writeFileSync(file, 'image');
  truncateSync(file, FILE_BYTES);

  const arrived = Promise.withResolvers<IncomingMessage>();
  const server = createServer((request, response) => {
    arrived.resolve(request);
    request.on('end', () => {
      response.writeHead(409, { 'content-type': 'application/problem+json' });
      const problem = { type: 'about:blank', title: 'Conflict', status: 409, code: 'conflict' };
      response.end(JSON.stringify(problem));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const client = new ApiClient(
    `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    'secret',
  );

  const before = bytesHeld();
  const upload = client.uploadFirmware('m', '1.0.0', await openAsBlob(file), 'image');
  const request = await arrived.promise;
  expect(request.headers['content-length']).toBe(String(FILE_BYTES));
  expect(request.headers['content-type']).toBe('application/octet-stream');
  // Nothing is taken yet: what is held now was read ahead of it.
  expect(bytesHeld() - before).toBeLessThan(FILE_BYTES / 4);
  const hash = createHash('sha256');
  request.on('data', (chunk: Buffer) => void hash.update(chunk));
  await expect(upload).rejects.toBeInstanceOf(ApiProblem);
  const expected = createHash('sha256')
    .update('image')
    .update(Buffer.alloc(FILE_BYTES - 5));
  expect(hash.digest('hex')).toBe(expected.digest('hex'));
});
