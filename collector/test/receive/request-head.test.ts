import fc from 'fast-check';
import { createServer, type IncomingMessage } from 'node:http';
import { PassThrough, Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readRequestHead } from '../../src/receive/request-head.ts';

const LINES = [
  'POST /v1/metrics HTTP/1.1',
  'Host: collector',
  'Content-Type: application/x-protobuf',
  'AUTHORIZATION:   Bearer abc \t',
  'x-flotilla-batch-id: b-1',
  'User-Agent: someone/1.0 (x; y)',
  'content-length: 3',
];
const head = (lines: readonly string[]) => Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
const BODY = 'abc';

/** Hands the bytes to node:http as a connection of their own; null when it refuses them. */
function readByNode(bytes: Buffer): Promise<{ request: IncomingMessage; body: string } | null> {
  const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<typeof readByNode>>>();
  const server = createServer((request) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')));
    request.on('end', () => resolve({ request, body }));
    request.on('error', () => resolve(null));
  });
  server.on('clientError', () => resolve(null));
  const readable = new PassThrough();
  const socket = Duplex.from({ readable, writable: new PassThrough().resume() });
  server.emit('connection', socket);
  readable.end(bytes);
  return promise;
}

describe('the head of an export request', () => {
  it('is read: signal, sizes, and the fields that matter by their names in lower case', () => {
    const bytes = Buffer.concat([head(LINES), Buffer.from(BODY)]);
    expect(readRequestHead(bytes)).toEqual({
      signal: expect.objectContaining({ signal: 'metrics' }) as unknown,
      sizeBytes: bytes.length - BODY.length,
      bodyBytes: BODY.length,
      headers: {
        host: 'collector',
        'content-type': 'application/x-protobuf',
        authorization: 'Bearer abc',
        'x-flotilla-batch-id': 'b-1',
        'content-length': '3',
      },
    });
  });

  it.each([
    ['not whole', head(LINES).subarray(0, -1)],
    ['of another method', head(['GET /v1/metrics HTTP/1.1', ...LINES.slice(1)])],
    ['of another path', head(['POST /healthz HTTP/1.1', ...LINES.slice(1)])],
    ['of a path with a query', head(['POST /v1/metrics?a=1 HTTP/1.1', ...LINES.slice(1)])],
    ['of an absolute path', head(['POST http://x/v1/metrics HTTP/1.1', ...LINES.slice(1)])],
    ['of an older version', head(['POST /v1/metrics HTTP/1.0', ...LINES.slice(1)])],
    ['behind an empty line', head(['', ...LINES])],
    ['without a host', head(LINES.filter((line) => !line.startsWith('Host')))],
    ['without a length', head(LINES.slice(0, -1))],
    ['with a length and a host twice', head([...LINES, 'Host: other'])],
    ['with two lengths', head([...LINES, 'Content-Length: 3'])],
    ['with two tokens', head([...LINES, 'authorization: Bearer x'])],
    ['with lengths in a list', head([...LINES.slice(0, -1), 'content-length: 3, 3'])],
    ['with a signed length', head([...LINES.slice(0, -1), 'content-length: +3'])],
    ['with a hexadecimal length', head([...LINES.slice(0, -1), 'content-length: 0x3'])],
    ['with an octal length', head([...LINES.slice(0, -1), 'content-length: 03'])],
    ['with a huge length', head([...LINES.slice(0, -1), `content-length: ${'9'.repeat(20)}`])],
    ['with an empty length', head([...LINES.slice(0, -1), 'content-length:'])],
    ['chunked as well', head([...LINES, 'Transfer-Encoding: chunked'])],
    ['that waits for a 100', head([...LINES, 'Expect: 100-continue'])],
    ['that asks for another protocol', head([...LINES, 'upgrade: h2c'])],
    ['that ends the connection', head([...LINES, 'Connection: close'])],
    ['with a folded line', head([...LINES, 'x: a', ' b'])],
    ['with a space before the colon', head([...LINES, 'Transfer-Encoding : chunked'])],
    ['with a name that is none', head([...LINES, 'a(b): c'])],
    ['without a name', head([...LINES, ': c'])],
    ['with a bare LF', head([...LINES, 'x: a\nTransfer-Encoding: chunked'])],
    ['with a bare CR', head([...LINES, 'x: a\rb'])],
    ['with a NUL', head([...LINES, 'x: a\0b'])],
    ['with a byte beyond ASCII', head([...LINES, 'x: \u00e9'])],
    ['of more than 8 KiB', head([...LINES, `x: ${'y'.repeat(8192)}`])],
  ])('%s is left to node:http', (_, bytes) => {
    expect(readRequestHead(Buffer.concat([bytes, Buffer.from(BODY)]))).toBeNull();
  });

  it('is never read otherwise than by node:http', async () => {
    const odd = fc.constantFrom(
      ...[
        '\r',
        '\n',
        '\r\n',
        ' ',
        '\t',
        ':',
        '\0',
        '\u00e9',
        ',',
        'x: y\r\n',
        'content-length: 1\r\n',
      ],
      ...[
        'transfer-encoding: chunked\r\n',
        '\r\n\r\n',
        'POST /v1/logs HTTP/1.1\r\n',
        '-',
        '0',
        '"',
      ],
    );
    const edit = fc.record({
      at: fc.nat(),
      drop: fc.integer({ min: 0, max: 3 }),
      insert: fc.oneof({ weight: 3, arbitrary: odd }, fc.constant('')),
    });
    let taken = 0;
    let refused = 0;
    const property = fc.asyncProperty(fc.array(edit, { maxLength: 2 }), async (edits) => {
      let text = `${LINES.join('\r\n')}\r\n\r\n`;
      for (const { at, drop, insert } of edits) {
        const place = at % text.length;
        text = text.slice(0, place) + insert + text.slice(place + drop);
      }
      const bytes = Buffer.from(text + 'abcdefghij', 'latin1');
      const own = readRequestHead(bytes);
      if (own === null) {
        refused += 1;
        return;
      }
      taken += 1;
      const node = await readByNode(bytes.subarray(0, own.sizeBytes + own.bodyBytes));
      expect(node).not.toBeNull();
      expect(node!.request).toMatchObject({ method: 'POST', url: own.signal.path });
      expect(node!.request.headers).toMatchObject(own.headers);
      expect(node!.body).toHaveLength(own.bodyBytes);
    });
    await fc.assert(property, { numRuns: 400 });
    expect(Math.min(taken, refused)).toBeGreaterThan(20);
  }, 60_000);
});
