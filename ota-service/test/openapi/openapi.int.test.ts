import { problemSchema } from '@flotilla/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CampaignService } from '../../src/campaigns/campaign-service.ts';
import { registerCampaignRoutes } from '../../src/campaigns/campaign-routes.ts';
import { OPERATIONS } from '../../src/openapi/catalogue.ts';
import { startHarness, type OtaHarness } from '../../src/testing/ota-harness.ts';

interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, { operationId: string }>>;
  readonly components: { schemas: Record<string, unknown> };
}

let harness: OtaHarness;
let document: Document;
let printedRoutes = '';

beforeAll(async () => {
  harness = await startHarness({
    registerCampaignRoutes(app) {
      registerCampaignRoutes(app, {} as CampaignService);
      app.addHook('onReady', () => {
        printedRoutes = app.printRoutes({ commonPrefix: false });
      });
    },
  });
  document = (await (await fetch(`${harness.url}/api/v1/openapi.json`)).json()) as Document;
});
afterAll(() => harness.close());

describe('the OpenAPI description', () => {
  it('names every route of the service and no other', () => {
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.toSorted()).toEqual(routesIn(printedRoutes).toSorted());
  });

  it('refers only to shapes that it holds', () => {
    const names = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)];
    expect(names.length).toBeGreaterThan(OPERATIONS.length);
    for (const [, name] of names) expect(document.components.schemas).toHaveProperty(name ?? '');
  });

  it('gives every operation an id of its own', () => {
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each(OPERATIONS.filter(({ caller }) => caller !== 'anyone'))(
    'says truly that $id needs a token',
    async ({ method, path }) => {
      const response = await fetch(harness.url + path.replaceAll(/\{\w+\}/g, 'x'), {
        method: method.toUpperCase(),
      });
      expect(response.status).toBe(401);
      if (method !== 'head') expect(problemSchema.parse(await response.json()).status).toBe(401);
    },
  );
});

/** `METHOD /template/{name}` of each route in fastify's tree; a HEAD that only mirrors a GET is left out. */
function routesIn(tree: string): string[] {
  const above: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const [, indent = '', own = '', methods = ''] = /^(.*?)[├└]── (\S+) \((.+)\)$/.exec(line) ?? [];
    if (own === '') return [];
    const depth = indent.length / 4;
    const path = (above[depth - 1] ?? '') + own;
    above[depth] = path;
    if (path.startsWith('/default/controller/')) return [];
    const template = path.replaceAll(/:(\w+)/g, '{$1}');
    const names = methods.split(', ');
    const kept = names.filter((name) => name !== 'HEAD' || !names.includes('GET'));
    return kept.map((method) => `${method} ${template}`);
  });
}
