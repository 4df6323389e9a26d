import { writeFileSync } from 'node:fs';
import { DASHBOARDS, render } from './all.ts';

/** Writes `dashboards/<name>.json`, which is committed and provisioned. */
for (const [name, build] of Object.entries(DASHBOARDS)) {
  writeFileSync(new URL(`../${name}.json`, import.meta.url), render(build()));
}
