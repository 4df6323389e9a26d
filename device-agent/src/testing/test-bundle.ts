import { pack, type Header } from 'tar-stream';

export interface TarEntry extends Partial<Header> {
  name: string;
  content?: string | Buffer;
}

/** A tar with exactly these entries, however wrong they are. */
export async function tarOf(entries: readonly TarEntry[]): Promise<Buffer> {
  const tar = pack();
  for (const { content, ...header } of entries) {
    tar.entry({ mtime: new Date(0), ...header }, content ?? '');
  }
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export const FIRMWARE_KINDS = ['good', 'crashing', 'unhealthy', 'hanging', 'hungry'] as const;
export type FirmwareKind = (typeof FIRMWARE_KINDS)[number];

/** A small real firmware: answers with its version, its process id and what its environment holds. */
const SERVER = `
const { createServer } = require('node:http');
const { readFileSync, appendFileSync } = require('node:fs');
const { kind } = JSON.parse(readFileSync('kind.json', 'utf8'));
const { version } = JSON.parse(readFileSync('bundle.json', 'utf8'));
appendFileSync(process.env.FLOTILLA_DATA_DIR + '/starts.log', version + '\\n');
console.log('firmware ' + version + ' starts');
createServer((request, response) => {
  response.statusCode = request.url === '/healthz' && kind === 'unhealthy' ? 503 : 200;
  response.end(JSON.stringify({ version, pid: process.pid, env: Object.keys(process.env).sort() }));
}).listen(Number(process.env.PORT), '127.0.0.1');
if (kind === 'hanging') setTimeout(() => { for (;;); }, 150);
if (kind === 'hungry') {
  const eaten = [];
  setInterval(() => eaten.push(Buffer.alloc(16 * 1024 * 1024, 1)), 20);
}
if (kind === 'crashing') setTimeout(() => { console.error('giving up'); process.exit(7); }, 150);
`;

/** Bytes that no codec makes smaller, so that a delta has something to win against. */
function noise(sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  let state = 0x9e3779b9;
  for (let index = 0; index < sizeBytes; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

export function bundleEntries(version: string, kind: FirmwareKind = 'good'): TarEntry[] {
  const bundle = {
    schemaVersion: 1,
    version,
    command: ['node', 'server.cjs'],
    healthPath: '/healthz',
  };
  return [
    { name: 'bundle.json', content: JSON.stringify(bundle) },
    { name: 'kind.json', content: JSON.stringify({ kind }) },
    { name: 'server.cjs', content: SERVER },
    { name: 'data/table.bin', content: noise(64 * 1024) },
  ];
}

export async function firmwareBundle(
  version: string,
  kind: FirmwareKind = 'good',
): Promise<Buffer> {
  return tarOf(bundleEntries(version, kind));
}
