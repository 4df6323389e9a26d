import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DASHBOARDS, render } from '../src/all.ts';

const root = new URL('../', import.meta.url);
const committed = readdirSync(root).filter((f) => f.endsWith('.json') && f !== 'package.json');

const dashboardSchema = z.object({
  id: z.null().optional(),
  uid: z.string(),
  panels: z.array(
    z.object({
      title: z.string(),
      description: z.string().min(10),
      datasource: z.object({ uid: z.literal('${warehouse}') }),
      targets: z.array(z.object({ rawSql: z.string().min(20) })).length(1),
    }),
  ),
  templating: z.object({ list: z.array(z.object({ name: z.string() })) }),
});

describe('dashboards', () => {
  it('are committed as generated, and no other is', () => {
    expect(committed.sort()).toEqual(
      Object.keys(DASHBOARDS)
        .map((n) => `${n}.json`)
        .sort(),
    );
    for (const [name, build] of Object.entries(DASHBOARDS)) {
      expect(readFileSync(new URL(`${name}.json`, root), 'utf8'), name).toBe(render(build()));
    }
  });

  it.each(Object.keys(DASHBOARDS))('%s can be provisioned anywhere', (name) => {
    const text = readFileSync(new URL(`${name}.json`, root), 'utf8');
    const { templating, uid } = dashboardSchema.parse(JSON.parse(text));
    const variables = templating.list.map((v) => v.name);
    expect(variables[0]).toBe('warehouse');
    expect(uid).toMatch(/^flotilla-/);
    for (const [, used] of text.matchAll(/\$\{(\w+)\}/g)) expect(variables).toContain(used);
  });
});
