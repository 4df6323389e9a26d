import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { configSchema } from '../../src/config.ts';
import { imageEnvironment } from '../../src/image-config.ts';
import { updateEnvironment } from '../../src/update-config.ts';

const page = readFileSync(new URL('../../../docs/device-updates.md', import.meta.url), 'utf8');

/** Key to default, as the page has them. */
const documented = new Map(
  [...page.matchAll(/^\| `(FLOTILLA_\w+)` +\| (\S+) +\|/gm)].map(([, key, value]) => [key, value]),
);

it('names every setting of an update, and none that there is not', () => {
  const ofTrials = ['FLOTILLA_TRIAL_MS', 'FLOTILLA_TRIAL_BOOTS'];
  const known = [...Object.keys(updateEnvironment), ...Object.keys(imageEnvironment), ...ofTrials];
  expect([...documented.keys()].sort()).toEqual(known.sort());
});

it('says the defaults that hold', () => {
  const defaults = z.object({ ...updateEnvironment, ...imageEnvironment }).parse({});
  for (const [key, value] of Object.entries(defaults)) {
    const isNothing = value === undefined || (Array.isArray(value) && value.length === 0);
    if (isNothing) expect(['none', 'always'], key).toContain(documented.get(key));
    else expect(JSON.stringify(value).replaceAll('"', ''), key).toBe(documented.get(key));
  }
  const { shape } = configSchema;
  expect(documented.get('FLOTILLA_TRIAL_MS')).toBe(
    String(shape.FLOTILLA_TRIAL_MS.parse(undefined)),
  );
  expect(documented.get('FLOTILLA_TRIAL_BOOTS')).toBe(
    String(shape.FLOTILLA_TRIAL_BOOTS.parse(undefined)),
  );
});
