import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DASHBOARDS, render } from '../src/all.ts';

const root = new URL('../', import.meta.url);
const committed = readdirSync(root).filter((f) => f.endsWith('.json') && f !== 'package.json');
const textOf = (name: string) => readFileSync(new URL(`${name}.json`, root), 'utf8');

const warehousePanel = z.object({
  datasource: z.object({ uid: z.literal('${warehouse}') }),
  targets: z.array(z.object({ rawSql: z.string().min(20) })).length(1),
});
const metricsPanel = z.object({
  datasource: z.object({ uid: z.literal('${metrics}') }),
  targets: z.array(z.object({ expr: z.string().min(10), legendFormat: z.string() })).min(1),
});
const words = z.object({ title: z.string(), description: z.string().min(10) });
const dashboardSchema = z.object({
  id: z.null().optional(),
  uid: z.string(),
  panels: z.array(words.and(z.union([warehousePanel, metricsPanel]))),
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
      expect(textOf(name), name).toBe(render(build()));
    }
  });

  it.each(Object.keys(DASHBOARDS))('%s can be provisioned anywhere', (name) => {
    const text = textOf(name);
    const { templating, uid } = dashboardSchema.parse(JSON.parse(text));
    const variables = templating.list.map((v) => v.name);
    expect(variables[0]).toBe('warehouse');
    expect(uid).toMatch(/^flotilla-/);
    // `${__value.raw}` and its like are Grafana's own.
    for (const [, used] of text.matchAll(/\$\{((?!__)\w+)\}/g)) expect(variables).toContain(used);
  });

  it('use every query, and no other', () => {
    const used = Object.keys(DASHBOARDS).map(textOf).join('\n');
    for (const file of readdirSync(new URL('sql/', root))) {
      const sql = readFileSync(new URL(`sql/${file}`, root), 'utf8').trim();
      expect(used, file).toContain(JSON.stringify(sql).slice(1, -1));
    }
  });
});

/** Source of every service that has a metrics endpoint. */
function sources(): string {
  const folders = ['collector', 'pipeline', 'ota-service', 'lib/service'];
  return folders
    .flatMap((folder) => {
      const base = new URL(`../${folder}/src/`, root);
      return readdirSync(base, { recursive: true })
        .map(String)
        .filter((file) => file.endsWith('.ts'))
        .map((file) => readFileSync(new URL(file, base), 'utf8'));
    })
    .join('\n');
}

describe('metrics of the dashboards', () => {
  const text = Object.keys(DASHBOARDS).map(textOf).join('\n');
  const source = sources();
  const used = [...new Set([...text.matchAll(/\bflotilla_[a-z_]+/g)].map(([name]) => name))].filter(
    (name) => /_(total|count|bucket|records)$/.test(name),
  );

  it.each(used)('%s is one that a service emits', (name) => {
    const metric = name.replace(/_(count|bucket)$/, '');
    // The pipeline writes its counters' names without their common beginning.
    const short = metric.replace(/^flotilla_pipeline_/, '');
    expect(source.includes(`'${metric}'`) || source.includes(`counter('${short}'`)).toBe(true);
  });

  it('are many enough for the check to mean something', () => {
    expect(used.length).toBeGreaterThan(8);
  });
});
