import { describe, expect, it, vi } from 'vitest';
import { createApiClient } from '../../src/api/client.ts';
import { storyFleet } from '../../src/testing/fake-fleet.ts';

function client(answer: () => Response | Promise<Response>, token: string | null = 'secret') {
  const requests: Request[] = [];
  const signOut = vi.fn();
  const api = createApiClient({
    apiBase: 'http://api.test',
    access: { authorization: () => (token === null ? null : `Bearer ${token}`), signOut },
    fetch: async (input, init) => {
      requests.push(new Request(input, init));
      return answer();
    },
    timeoutMs: 50,
  });
  return { api, requests, signOut };
}

const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });

describe('api client', () => {
  it('sends the bearer token and returns what the contract describes', async () => {
    const { devices } = storyFleet(Date.now());
    const { api, requests } = client(() => json({ items: devices, nextCursor: 'bW9yZQ' }));
    const result = await api.devices({ q: 'a b', group: undefined, cursor: '', limit: 100 });
    expect(result).toMatchObject({ ok: true, value: { items: { length: 10 } } });
    expect(requests[0]!.url).toBe('http://api.test/api/v1/devices?q=a+b&limit=100');
    expect(requests[0]!.headers.get('authorization')).toBe('Bearer secret');
  });

  it('sends no header when the host adds credentials', async () => {
    const { api, requests } = client(() => json({ items: [] }), null);
    await api.firmware();
    expect(requests[0]!.headers.has('authorization')).toBe(false);
  });

  it('posts an action with its reason', async () => {
    const { api, requests } = client(() => json({}));
    expect(await api.act('cmp_good00000001', 'pause', 'odd reboots')).toMatchObject({ ok: true });
    expect(requests[0]!.method).toBe('POST');
    expect(requests[0]!.url).toBe('http://api.test/api/v1/campaigns/cmp_good00000001/pause');
    expect(await requests[0]!.json()).toEqual({ reason: 'odd reboots' });
  });

  it('names the field of an answer that breaks the contract', async () => {
    const { devices } = storyFleet(Date.now());
    const { api } = client(() => json({ items: [{ ...devices[0], lifecycle: 'gone' }] }));
    const result = await api.devices({ limit: 1 });
    expect(result).toMatchObject({ ok: false, failure: { kind: 'unreadable' } });
    expect(JSON.stringify(result)).toContain('/items/0/lifecycle');
  });

  it('shows title and detail of a problem', async () => {
    const problem = {
      type: 'https://flotilla.dev/problems/conflict',
      title: 'The current state does not allow this',
      status: 409,
      code: 'conflict',
      detail: 'it is completed',
    };
    const { api } = client(() => json(problem, 409));
    expect(await api.act('cmp_good00000001', 'pause', 'x')).toMatchObject({
      ok: false,
      failure: { kind: 'problem', title: problem.title, detail: 'it is completed', problem },
    });
  });

  it('signs out on 401 and only then', async () => {
    const unauthenticated = {
      type: 'https://flotilla.dev/problems/unauthenticated',
      title: 'Credentials are missing or not valid',
      status: 401,
      code: 'unauthenticated',
    };
    const refused = client(() => json(unauthenticated, 401));
    await refused.api.firmware();
    expect(refused.signOut).toHaveBeenCalledExactlyOnceWith('refused');
    const failing = client(() => new Response('<h1>Bad gateway</h1>', { status: 502 }));
    const result = await failing.api.firmware();
    expect(failing.signOut).not.toHaveBeenCalled();
    expect(result).toMatchObject({ ok: false, failure: { kind: 'unreadable' } });
  });

  it('takes a broken connection for unreachable', async () => {
    const { api } = client(() => Promise.reject(new TypeError('fetch failed')));
    expect(await api.firmware()).toMatchObject({ ok: false, failure: { kind: 'unreachable' } });
  });

  it('gives up on a server that never answers', async () => {
    const api = createApiClient({
      apiBase: 'http://api.test',
      access: { authorization: () => null, signOut: () => undefined },
      fetch: (_input, init) =>
        new Promise((_resolve, reject) => {
          init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error));
        }),
      timeoutMs: 5,
    });
    expect(await api.firmware()).toMatchObject({
      ok: false,
      failure: { kind: 'unreachable', detail: 'The request took too long.' },
    });
  });

  it('rejects when its caller lost interest', async () => {
    const { api } = client(() => Promise.reject(new TypeError('fetch failed')));
    const gone = AbortSignal.abort();
    await expect(api.firmware(gone)).rejects.toThrow();
  });
});
