import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { zstdCompressSync } from 'node:zlib';
import {
  DELTA_CODEC,
  pollRequestSchema,
  updateReportSchema,
  type Deployment,
  type PollRequest,
  type RollbackOrder,
  type Transfer,
  type UpdateReport,
} from '@flotilla/contracts';
import { createDelta } from '@flotilla/delta';
import { withRelease } from '@flotilla/trust';
import { targetOf, TestRepository, type Files, type ReleaseFields } from '@flotilla/trust/testing';

export interface ReleaseOptions {
  readonly version: string;
  readonly artifact: Buffer;
  readonly base?: Buffer;
  readonly model?: string;
  /** Signed with the artifact, beside model and version. */
  readonly release?: Partial<ReleaseFields>;
  readonly round?: number;
  readonly campaignId?: string;
  readonly encoding?: 'identity' | 'zstd';
  /** Served instead of the delta that was made; announced truthfully. */
  readonly delta?: Buffer;
}

const METADATA_PATH = '/device/v1/tuf/';

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
  /** One byte at a time, with so much time between two of them. */
  dripEveryMs?: number;
  /** Zeros without an end and without an announced length. */
  endless?: boolean;
}

export const TEST_MODEL = 'sensor-x1';
export const TEST_TOKEN = 'test-device-token';

/** The device API of ota-service with real HTTP and real signatures; tests steer it by its fields. */
export class FakeOtaServer {
  readonly reports: UpdateReport[] = [];
  readonly polls: PollRequest[] = [];
  /** Downloads; metadata is not among them. */
  readonly requests: { path: string; range: string | undefined }[] = [];
  /** Polls and reports answered so far, refused ones too. */
  answered = 0;
  readonly faults = new Map<string, Fault>();
  /** What the next polls get. */
  offer: Deployment | null = null;
  /** What the next polls order beside it. */
  rollback: RollbackOrder | null = null;
  pollAfterMs = 50;
  /** While set, polls and reports are answered with this status. */
  failWith: { status: number; retryAfter?: string } | null = null;
  /** What is signed; `deployment` publishes in it. */
  readonly repository: TestRepository;
  /** Metadata served instead of the repository's. */
  metadata: Files | null = null;
  readonly #blobs = new Map<string, Buffer>();
  readonly #files = new Map<string, string>();
  readonly #server: Server;

  private constructor(repository: TestRepository) {
    this.repository = repository;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
  }

  static async start(repository = new TestRepository()): Promise<FakeOtaServer> {
    const fake = new FakeOtaServer(repository);
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get pinnedRoot(): string {
    return this.repository.pinnedRoot;
  }

  /** The newest report of each id, in the order in which the ids came first. */
  get distinctReports(): UpdateReport[] {
    return [...new Map(this.reports.map((report) => [report.reportId, report])).values()];
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** Makes a release downloadable, signs it, and returns the deployment that offers it. */
  deployment(options: ReleaseOptions): Deployment {
    const { version, artifact, base, encoding = 'identity' } = options;
    const model = options.model ?? TEST_MODEL;
    const target = targetOf(artifact, { model, version, ...options.release });
    this.repository.publishTargets(withRelease(this.repository.draft(), target));
    const served = encoding === 'zstd' ? zstdCompressSync(artifact) : artifact;
    const delta = options.delta ?? (base && Buffer.from(createDelta(base, artifact)));
    return {
      campaignId: options.campaignId ?? 'cmp_000000000001',
      phase: 1,
      round: options.round ?? 1,
      target: target.path,
      full: { ...this.addBlob(served), encoding },
      delta:
        delta === undefined || base === undefined
          ? null
          : { ...this.addBlob(delta), codec: DELTA_CODEC, baseSha256: sha256(base) },
    };
  }

  /** As `deployment`, for an image that lies encoded in a file and is never in memory as a whole. */
  imageDeployment(
    version: string,
    image: { readonly sha256: string; readonly sizeBytes: number },
    served: Transfer & { readonly file: string },
  ): Deployment {
    const { file, ...transfer } = served;
    const described = targetOf(Buffer.alloc(0), { version, model: TEST_MODEL, format: 'image' });
    const target = { ...described, ...image };
    this.repository.publishTargets(withRelease(this.repository.draft(), target));
    this.#files.set(transfer.path, file);
    return {
      campaignId: 'cmp_000000000001',
      phase: 1,
      round: 1,
      target: target.path,
      full: { ...transfer, encoding: 'zstd' },
      delta: null,
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
      if (!path.startsWith(METADATA_PATH)) this.requests.push({ path, range });
      const file = this.#files.get(path);
      if (file === undefined) this.#serve(path, range, response);
      else serveFile(file, range, response);
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
      const { pollAfterMs, offer: deployment, rollback } = this;
      response.end(JSON.stringify({ pollAfterMs, deployment, rollback }));
    } else {
      this.reports.push(updateReportSchema.parse(body));
      response.writeHead(202).end();
    }
  }

  #metadataAt(path: string): Buffer | undefined {
    if (!path.startsWith(METADATA_PATH)) return undefined;
    const file = path.slice(METADATA_PATH.length);
    const text = (this.metadata ?? this.repository.files).get(file);
    return text === undefined ? undefined : Buffer.from(text);
  }

  #serve(path: string, range: string | undefined, response: ServerResponse): void {
    const fault = this.faults.get(path) ?? {};
    if (fault.endless) {
      pourForEver(response);
      return;
    }
    const bytes = fault.instead ?? this.#blobs.get(path) ?? this.#metadataAt(path);
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
    if (fault.dripEveryMs === undefined) response.end(rest);
    else drip(response, rest, fault.dripEveryMs);
  }
}

function pourForEver(response: ServerResponse): void {
  const more = () => {
    if (!response.destroyed) response.write(Buffer.alloc(65_536), () => setImmediate(more));
  };
  more();
}

function drip(response: ServerResponse, bytes: Buffer, everyMs: number): void {
  let sent = 0;
  response.flushHeaders();
  const timer = setInterval(() => response.write(bytes.subarray(sent, (sent += 1))), everyMs);
  response.on('close', () => clearInterval(timer));
}

function serveFile(file: string, range: string | undefined, response: ServerResponse): void {
  const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  const { size } = statSync(file);
  if (from === 0) response.writeHead(200, { 'content-length': String(size) });
  else response.writeHead(206, { 'content-range': `bytes ${from}-${size - 1}/${size}` });
  createReadStream(file, { start: from }).pipe(response);
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
