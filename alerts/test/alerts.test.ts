import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);
const text = (path: string) => readFileSync(new URL(path, root), 'utf8');
const inFolder = (suffix: string) =>
  readdirSync(new URL('alerts/', root)).filter((name) => name.endsWith(suffix));

const rules = inFolder('.rules.yml').map((file) => text(`alerts/${file}`));
const tests = inFolder('.test.yml').map((file) => text(`alerts/${file}`));
const alerts = rules.flatMap((r) => [...r.matchAll(/alert: (\w+)/g)].map((m) => m[1] ?? ''));

/** Names of metrics in our own code; what Prometheus itself makes stands here. */
const emitted = new Set(['up']);
for (const service of ['ota-service', 'collector', 'pipeline']) {
  const src = new URL(`${service}/src/`, root);
  for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const code = readFileSync(new URL(file, src), 'utf8');
    for (const match of code.matchAll(/name: '(flotilla_\w+)'/g)) emitted.add(match[1] ?? '');
  }
}

describe('alert rules', () => {
  it('exist', () => {
    expect(alerts.length).toBeGreaterThan(2);
  });

  it.each(alerts)('%s has a firing test, a silent test and a runbook it links to', (alert) => {
    const mentions = tests.join('\n').split(`alertname: ${alert}`).slice(1);
    const silent = mentions.filter((rest) => /^[,\s]*exp_alerts: \[\]/.test(rest));
    expect(silent.length).toBeGreaterThan(0);
    expect(mentions.length).toBeGreaterThan(silent.length);
    expect(existsSync(new URL(`docs/runbooks/${alert}.md`, root))).toBe(true);
    expect(rules.join('\n')).toContain(`runbooks/${alert}`);
  });

  it('name only metrics that our services emit', () => {
    const named = rules.join('\n').match(/\b(flotilla_\w+|up)\b(?=[{\s[])/g) ?? [];
    expect(named.length).toBeGreaterThan(2);
    for (const metric of named) expect([...emitted]).toContain(metric);
  });
});
