import { createHash, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { zstdCompressSync } from 'node:zlib';
import {
  DELTA_CODEC,
  pollRequestSchema,
  updateReportSchema,
  type Deployment,
  type Manifest,
  type PollRequest,
  type Transfer,
  type UpdateReport,
} from '@flotilla/contracts';
import { createDelta } from '@flotilla/delta';
import { generateEd25519, readPrivateKey, readPublicKey, signManifest } from '@flotilla/signing';

export interface ReleaseOptions {
  readonly version: string;
  readonly artifact: Buffer;
  readonly base?: Buffer;
  readonly model?: string;
  readonly allowDowngrade?: boolean;
  readonly round?: number;
  readonly campaignId?: string;
  readonly encoding?: 'identity' | 'zstd';
  readonly signWith?: KeyObject;
  /** Served instead of the delta that was made; announced truthfully. */
  readonly delta?: Buffer;
}

/** How a path misbehaves. */
export interface Fault {
  /** Closes the connection after so many bytes, so many times. */
  cutAfterBytes?: number;
  cuts?: number;
  /** Holds the connection open until then: what a client has not read is lost with it. */
  cutWhen?: Promise<void>;
  /** Serves these bytes although others were announced. */
  instead?: Buffer;
  status?: number;
  ignoreRange?: boolean;
}

export const TEST_MODEL = 'sensor-x1';
export const TEST_TOKEN = 'test-device-token';

/** The device API of ota-service with real HTTP and real signatures; tests steer it by its fields. */
export class FakeOtaServer {
  readonly reports: UpdateReport[] = [];
  readonly polls: PollRequest[] = [];
  readonly requests: { path: string; range: string | undefined }[] = [];
  /** Polls and reports answered so far, refused ones too. */
  answered = 0;
  readonly faults = new Map<string, Fault>();
  /** What the next polls get. */
  offer: Deployment | null = null;
  pollAfterMs = 50;
  /** While set, polls and reports are answered with this status. */
  failWith: { status: number; retryAfter?: string } | null = null;
  readonly publicKeyPem: string;
  readonly #privateKey: KeyObject;
  readonly #blobs = new Map<string, Buffer>();
  readonly #server: Server;

  private constructor() {
    const keys = generateEd25519();
    this.publicKeyPem = keys.publicKeyPem;
    this.#privateKey = readPrivateKey(keys.privateKeyPem);
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
  }

  static async start(): Promise<FakeOtaServer> {
    const fake = new FakeOtaServer();
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get trustedKeys(): KeyObject[] {
    return [readPublicKey(this.publicKeyPem)];
  }

  /** The newest report of each id, in the order in which the ids came first. */
  get distinctReports(): UpdateReport[] {
    return [...new Map(this.reports.map((report) => [report.reportId, report])).values()];
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** Makes a release downloadable and returns the deployment that offers it. */
  deployment(options: ReleaseOptions): Deployment {
    const { version, artifact, base, encoding = 'identity' } = options;
    const manifest: Manifest = {
      schemaVersion: 1,
      model: options.model ?? TEST_MODEL,
      version,
      artifact: { sha256: sha256(artifact), sizeBytes: artifact.length, format: 'tar' },
      allowDowngrade: options.allowDowngrade ?? false,
      createdAt: '2026-01-01T00:00:00.000Z',
    };
    const served = encoding === 'zstd' ? zstdCompressSync(artifact) : artifact;
    const delta = options.delta ?? (base && Buffer.from(createDelta(base, artifact)));
    return {
      campaignId: options.campaignId ?? 'cmp_000000000001',
      phase: 1,
      round: options.round ?? 1,
      manifest: signManifest(manifest, options.signWith ?? this.#privateKey),
      full: { ...this.addBlob(served), encoding },
      delta:
        delta === undefined || base === undefined
          ? null
          : { ...this.addBlob(delta), codec: DELTA_CODEC, baseSha256: sha256(base) },
    };
  }

  addBlob(bytes: Buffer): Transfer {
    const digest = sha256(bytes);
    const path = `/device/v1/blobs/${digest}`;
    this.#blobs.set(path, bytes);
    return { path, sha256: digest, sizeBytes: bytes.length };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    if (request.headers.authorization !== `Bearer ${TEST_TOKEN}`) {
      response.writeHead(401).end();
      return;
    }
    const { range } = request.headers;
    if (request.method === 'GET') {
      this.requests.push({ path, range });
      this.#serve(path, range, response);
      return;
    }
    const body: unknown = JSON.parse(await readBody(request));
    this.answered += 1;
    if (this.failWith !== null) {
      const { status, retryAfter } = this.failWith;
      response.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter });
      response.end();
    } else if (path === '/device/v1/poll') {
      this.polls.push(pollRequestSchema.parse(body));
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ pollAfterMs: this.pollAfterMs, deployment: this.offer }));
    } else {
      this.reports.push(updateReportSchema.parse(body));
      response.writeHead(202).end();
    }
  }

  #serve(path: string, range: string | undefined, response: ServerResponse): void {
    const fault = this.faults.get(path) ?? {};
    const bytes = fault.instead ?? this.#blobs.get(path);
    if (bytes === undefined || fault.status !== undefined) {
      response.writeHead(fault.status ?? 404).end('no');
      return;
    }
    const from = fault.ignoreRange ? 0 : Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    if (from >= bytes.length) {
      response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
      return;
    }
    const rest = bytes.subarray(from);
    const whole = { 'content-length': String(rest.length) };
    const last = bytes.length - 1;
    if (from === 0) response.writeHead(200, whole);
    else {
      const part = `bytes ${from}-${last}/${bytes.length}`;
      response.writeHead(206, { ...whole, 'content-range': part });
    }
    if ((fault.cuts ?? 0) > 0) {
      fault.cuts = (fault.cuts ?? 0) - 1;
      response.write(rest.subarray(0, fault.cutAfterBytes));
      void (fault.cutWhen ?? Promise.resolve()).then(() => response.destroy());
      return;
    }
    response.end(rest);
  }
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
