import { existsSync, readFileSync } from 'node:fs';
import { actionsOf, findRoute, ORG_ROLES, pluginMetadataSchema } from '@flotilla/grafana-host';
import { describe, expect, it } from 'vitest';
import { PLUGIN_ID, actionOf } from '../../src/grafana/plugin-id.ts';
import { parsePath } from '../../src/routing/routes.ts';

const metadata = pluginMetadataSchema.parse(
  JSON.parse(readFileSync(new URL('../../plugin/plugin.json', import.meta.url), 'utf8')),
);
const may = (role: (typeof ORG_ROLES)[number], method: string, path: string) =>
  findRoute(metadata.routes, method, path, actionsOf(metadata, role))?.isAllowed ?? null;

describe('plugin.json', () => {
  it('names the plugin as the code does, and every dashboard there is', () => {
    expect(metadata.id).toBe(PLUGIN_ID);
    for (const { type, path } of metadata.includes) {
      if (type !== 'dashboard') continue;
      const file = new URL(`../../../${path}`, import.meta.url);
      expect(existsSync(file), path).toBe(true);
    }
  });

  it('leads to pages that exist', () => {
    const base = `/a/${PLUGIN_ID}`;
    for (const { type, path } of metadata.includes) {
      if (type !== 'page' || !path.startsWith(base)) continue;
      expect(parsePath(path.slice(base.length)).page, path).not.toBe('unknown');
    }
  });

  it('grants every action that a page, a route or the code asks for', () => {
    const granted = actionsOf(metadata, 'Admin');
    const asked = [
      ...metadata.includes.flatMap(({ action }) => (action === undefined ? [] : [action])),
      ...metadata.routes.map(({ reqAction }) => reqAction),
      ...(['campaigns', 'devices', 'firmware', 'provisioning'] as const).map((name) =>
        actionOf(`${name}:write`),
      ),
    ];
    for (const action of asked) expect(granted).toContain(action);
  });

  it('sends each path where it belongs, with the token', () => {
    for (const route of metadata.routes) {
      const base = route.path.replace(/\/\*$/, '');
      expect(route.url).toBe(`{{ .JsonData.apiUrl }}/${base}`);
      expect(route.headers).toEqual([
        { name: 'Authorization', content: 'Bearer {{ .SecureJsonData.apiToken }}' },
      ]);
    }
  });

  it.each([
    ['GET', 'api/v1/devices', true, true, true],
    ['GET', 'api/v1/fleet/summary', true, true, true],
    ['GET', 'api/v1/provisioning/quarantine', false, false, true],
    ['POST', 'api/v1/campaigns', false, true, true],
    ['POST', 'api/v1/campaigns/dry-run', false, true, true],
    ['POST', 'api/v1/campaigns/cmp_1/rollback', false, true, true],
    ['POST', 'api/v1/devices/bulk-lifecycle', false, true, true],
    ['PUT', 'api/v1/devices/d-1/labels', false, true, true],
    ['PATCH', 'api/v1/uploads/upl_1', false, false, true],
    ['HEAD', 'api/v1/uploads/upl_1', false, false, true],
    ['PUT', 'api/v1/firmware/fw_1/withdrawal', false, false, true],
    ['POST', 'api/v1/provisioning/rules', false, false, true],
    // What the pages never do goes nowhere: keys, tokens, trust.
    ['POST', 'api/v1/devices', null, null, null],
    ['PUT', 'api/v1/tuf/targets', null, null, null],
    ['POST', 'api/v1/ca/rotations', null, null, null],
    ['GET', 'metrics', null, null, null],
  ])('%s %s: viewer %s, editor %s, admin %s', (method, path, ...expected) => {
    expect(ORG_ROLES.map((role) => may(role, method, path))).toEqual(expected);
  });
});
