import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { alertsOf, filesOf, textOf } from './rule-files.ts';

const root = new URL('../../', import.meta.url);
const rules = filesOf('.rules.yml');
const alerts = rules.flatMap((file) => alertsOf(textOf(file)));
const names = alerts.map(({ name }) => name);
const tests = filesOf('.test.yml').map(textOf).join('\n');

describe('alert rules', () => {
  it('have a name each', () => {
    expect(names.length).toBeGreaterThan(30);
    expect(new Set(names).size).toBe(names.length);
  });

  it('have a test file each', () => {
    expect(filesOf('.test.yml')).toEqual(rules.map((file) => file.replace('.rules.', '.test.')));
  });

  it.each(alerts)('$name has a severity, a scope, and a runbook it links to', (alert) => {
    expect(alert.text).toMatch(/severity: (warning|critical)\n/);
    expect(alert.text).toMatch(/scope: (device|site|fleet|campaign|service)\n/);
    expect(alert.text).toContain(`runbook_url: https://flotilla.dev/runbooks/${alert.name}\n`);
    const runbook = new URL(`docs/runbooks/${alert.name}.md`, root);
    expect(existsSync(runbook), `docs/runbooks/${alert.name}.md`).toBe(true);
    const text = readFileSync(runbook, 'utf8');
    expect(text).toMatch(new RegExp(`^# ${alert.name}\n`));
    expect(text.length).toBeGreaterThan(250);
  });

  it.each(names)('%s is tested: silent, then firing, then over; and without data', (name) => {
    const cases = tests.split(/\n {2}- name: /).slice(1);
    const told = cases.map((text) =>
      text
        .split(/\n {6}- /)
        .slice(1)
        .filter((check) => new RegExp(`alertname: ${name}\\b`).test(check))
        .map((check) => !check.includes('exp_alerts: []')),
    );
    const story = told.some((checks) => {
      const first = checks.indexOf(true);
      return first > 0 && checks.lastIndexOf(false) > first;
    });
    expect(story, 'a case with silence, the alert, and silence again').toBe(true);
    const without = cases.filter((text) => /input_series: \[\]/.test(text)).join('\n');
    expect(without).toMatch(new RegExp(`alertname: ${name}, exp_alerts: \\[\\]`));
  });

  it('leave no runbook without its alert', () => {
    const runbooks = readdirSync(new URL('docs/runbooks/', root)).filter(
      (file) => file !== 'README.md',
    );
    expect(runbooks.sort()).toEqual(names.map((name) => `${name}.md`).sort());
  });

  it('ask for a pause only where a campaign goes wrong', () => {
    const pausing = alerts.filter(({ text }) => text.includes('flotilla_campaign_id:'));
    expect(pausing.map(({ name }) => name).sort()).toEqual([
      'FlotillaCampaignErrorBudgetBurn',
      'FlotillaCampaignErrorRateHigh',
    ]);
  });
});
