import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '@flotilla/service';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readLogSources } from '../../../src/telemetry/logs/log-sources.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-sources-'));
  file = join(folder, 'sources.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

const read = (value: unknown) => {
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value));
  return readLogSources(file);
};

it('fills in what is left out', () => {
  expect(read({})).toEqual({ files: [] });
  expect(read({ files: [{ paths: ['/var/log/*.log'] }], journal: {} })).toEqual({
    files: [{ paths: ['/var/log/*.log'], format: 'plain', startAt: 'beginning' }],
    journal: { command: 'journalctl', units: [] },
  });
});

it.each([
  ['a relative path', { files: [{ paths: ['log/app.log'] }] }, 'files.0.paths.0'],
  ['no path', { files: [{ paths: [] }] }, 'files.0.paths'],
  [
    'a pattern that is none',
    { files: [{ paths: ['/a'], multilineStart: '(' }] },
    'files.0.multilineStart: is not a regular expression',
  ],
  ['another format', { files: [{ paths: ['/a'], format: 'xml' }] }, 'files.0.format'],
  ['a key that is mistyped', { files: [{ path: ['/a'] }] }, 'path'],
  ['a unit that is an option', { journal: { units: ['--vacuum-size=1'] } }, 'journal.units.0'],
  ['more sources than an agent follows', { files: Array(33).fill({ paths: ['/a'] }) }, 'files'],
])('refuses %s and names the place', (_what, value, place) => {
  expect(() => read(value)).toThrow(ConfigError);
  expect(() => read(value)).toThrow(`${file}: `);
  expect(() => read(value)).toThrow(place);
});

it('tells every problem at once', () => {
  try {
    read({ files: [{ paths: ['a'], startAt: 'middle' }] });
    expect.unreachable();
  } catch (error) {
    expect((error as ConfigError).message).toMatch(/paths\.0[\s\S]*startAt/);
  }
});

it('refuses what is no JSON, and a file that is not there', () => {
  expect(() => read('{')).toThrow(ConfigError);
  expect(() => readLogSources(join(folder, 'none'))).toThrow(ConfigError);
});
