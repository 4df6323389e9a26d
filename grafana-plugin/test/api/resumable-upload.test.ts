import { describe, expect, it } from 'vitest';
import { uploadFirmware, type UploadProgress } from '../../src/api/resumable-upload.ts';
import { storyFleet } from '../../src/testing/fake-fleet.ts';

const MIB = 1024 * 1024;
const draft = storyFleet(0).firmware[4]!;

/** Whether a request is lost before it is served, or its answer after. */
type Breaks = (request: number) => 'before' | 'after' | null;

/** As much of a tus server as one upload needs; `breaks` says which requests get no answer. */
class TusServer {
  stored = 0;
  metadata = '';
  requests = 0;
  readonly #breaks: Breaks;

  constructor(breaks: Breaks = () => null) {
    this.#breaks = breaks;
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const { method = 'GET' } = init ?? {};
    const path = input as string;
    this.requests += 1;
    const breaks = this.#breaks(this.requests);
    if (breaks === 'before') throw new TypeError('connection reset');
    const answer = await this.#answer(path, method, init);
    if (breaks === 'after') throw new TypeError('connection reset');
    return answer;
  };

  async #answer(path: string, method: string, init: RequestInit | undefined): Promise<Response> {
    const headers = new Headers(init?.headers);
    if (path.endsWith('/firmware')) return new Response(JSON.stringify(draft), { status: 201 });
    if (method === 'POST') {
      this.metadata = headers.get('upload-metadata') ?? '';
      return new Response(null, { status: 201, headers: { location: '/api/v1/uploads/upl_1' } });
    }
    if (method === 'PATCH') {
      if (Number(headers.get('upload-offset')) !== this.stored) {
        return new Response('{}', { status: 409 });
      }
      this.stored += (init?.body as Blob).size;
    }
    return new Response(null, { status: 204, headers: { 'upload-offset': String(this.stored) } });
  }
}

async function upload(server: TusServer, sizeBytes: number, signal?: AbortSignal) {
  const progress: UploadProgress[] = [];
  const result = await uploadFirmware(
    {
      apiBase: '',
      access: { authorization: () => null, signOut: () => undefined },
      fetch: server.fetch,
    },
    {
      file: new Blob([new Uint8Array(sizeBytes)]),
      metadata: { model: 'cam', version: '1.4.0', format: 'tar' },
      onProgress: (step) => progress.push(step),
      signal: signal ?? new AbortController().signal,
      pause: () => Promise.resolve(),
    },
  );
  return { result, progress };
}

describe('uploadFirmware', () => {
  it('sends all of it in pieces, tells how far it is, and gets a draft', async () => {
    const server = new TusServer();
    const { result, progress } = await upload(server, 5 * MIB);
    expect(result).toMatchObject({ ok: true, value: { id: draft.id } });
    expect(progress.map(({ sentBytes }) => sentBytes / MIB)).toEqual([0, 2, 4, 5]);
    expect(server.metadata).toBe(
      `model ${btoa('cam')},version ${btoa('1.4.0')},format ${btoa('tar')}`,
    );
  });

  it.each(['before', 'after'] as const)(
    'goes on where the service stands when the connection broke %s the piece was stored',
    async (when) => {
      const server = new TusServer((request) => (request === 3 ? when : null));
      const { result, progress } = await upload(server, 5 * MIB);
      expect(result.ok).toBe(true);
      expect(server.stored).toBe(5 * MIB);
      expect(progress.some(({ isRetrying }) => isRetrying)).toBe(true);
    },
  );

  it('gives up after several tries, and says why', async () => {
    const server = new TusServer((request) => (request > 2 ? 'before' : null));
    const { result } = await upload(server, 5 * MIB);
    expect(result).toMatchObject({ ok: false, failure: { kind: 'unreachable' } });
    expect(server.requests).toBeLessThan(12);
  });

  it('stops when it is broken off', async () => {
    const controller = new AbortController();
    const server = new TusServer((request) => {
      if (request === 2) controller.abort();
      return request === 2 ? 'before' : null;
    });
    await expect(upload(server, 5 * MIB, controller.signal)).rejects.toThrow();
  });
});
