import type { BackendSrvRequest } from '@grafana/runtime';
import { describe, expect, it, vi } from 'vitest';
import { createGrafanaFetch } from '../../src/grafana/grafana-fetch.ts';

function backend(answer: { value?: unknown; error?: unknown }) {
  const requests: BackendSrvRequest[] = [];
  const unsubscribe = vi.fn();
  const request = createGrafanaFetch({
    fetch: (sent) => {
      requests.push(sent);
      return {
        subscribe: (observer) => {
          if ('error' in answer) observer.error?.(answer.error);
          else if ('value' in answer) observer.next?.(answer.value as never);
          return { unsubscribe };
        },
      };
    },
  });
  return { request, requests, unsubscribe };
}

describe('fetch over Grafana', () => {
  it('passes method, headers and body on, and asks for text without Grafana’s own alerts', async () => {
    const { request, requests } = backend({
      value: { status: 200, headers: new Headers({ location: '/x' }), data: '{"a":1}' },
    });
    const body = new Blob(['abc']);
    const response = await request('/api/x', {
      method: 'PATCH',
      headers: { 'Upload-Offset': '0' },
      body,
    });
    expect(requests[0]).toMatchObject({
      url: '/api/x',
      method: 'PATCH',
      headers: { 'upload-offset': '0' },
      data: body,
      responseType: 'text',
      showErrorAlert: false,
    });
    expect(await response.json()).toEqual({ a: 1 });
    expect(response.headers.get('location')).toBe('/x');
  });

  it('gives a refusal as a response, with the text Grafana wrapped', async () => {
    const problem = '{"code":"conflict"}';
    const wrapped = { message: problem, error: 'Conflict', response: problem };
    const { request } = backend({ error: { status: 409, data: wrapped } });
    const response = await request('/api/x');
    expect(response.status).toBe(409);
    expect(await response.json()).toEqual({ code: 'conflict' });
  });

  it('keeps Grafana’s own refusals, and answers without a body', async () => {
    const refused = backend({ error: { status: 403, data: { message: 'denied' } } });
    expect(await (await refused.request('/x')).json()).toEqual({ message: 'denied' });
    const empty = backend({ value: { status: 204, headers: new Headers(), data: '' } });
    expect((await empty.request('/x')).status).toBe(204);
  });

  it('rejects when nothing answers', async () => {
    const { request } = backend({ error: { status: 0, statusText: '' } });
    await expect(request('/x')).rejects.toThrow('the request failed');
  });

  it('cancels when its caller does', async () => {
    const { request, unsubscribe } = backend({});
    const controller = new AbortController();
    const answer = request('/x', { signal: controller.signal });
    controller.abort();
    await expect(answer).rejects.toThrow();
    expect(unsubscribe).toHaveBeenCalledOnce();
    await expect(request('/x', { signal: AbortSignal.abort() })).rejects.toThrow();
  });
});
