import { readFileSync, readdirSync } from 'node:fs';
import { z } from 'zod';
import { drawTable, drawTimeSeries, escapeHtml, type Row } from './panel-drawing.ts';

const FOLDER = new URL('../../../dashboards/', import.meta.url);

const dashboardSchema = z.object({
  title: z.string(),
  description: z.string(),
  panels: z.array(
    z.object({
      type: z.string(),
      title: z.string(),
      gridPos: z.object({ w: z.number(), h: z.number() }),
      fieldConfig: z
        .object({ defaults: z.object({ unit: z.string().optional(), max: z.number().optional() }) })
        .optional(),
      targets: z.array(z.object({ rawSql: z.string().optional() })),
    }),
  ),
});

export interface PanelQuery {
  readonly campaign: string;
  readonly device: string;
  readonly rows: (query: string) => Promise<readonly Row[]>;
}

export function dashboardNames(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json') && file !== 'package.json')
    .map((file) => file.replace('.json', ''));
}

/**
 * A page with a dashboard's warehouse panels, drawn from its own queries in the places they have in
 * Grafana. It shows the data; how Grafana draws it is Grafana's. Null for one without such panels.
 */
export async function dashboardPage(name: string, query: PanelQuery): Promise<string | null> {
  const text = readFileSync(new URL(`${name}.json`, FOLDER), 'utf8');
  const { title, description, panels } = dashboardSchema.parse(JSON.parse(text));
  const drawn = await Promise.all(
    panels.map(async (panel) => {
      const rawSql = panel.targets[0]?.rawSql;
      if (rawSql === undefined) return '';
      const rows = await query.rows(asSent(rawSql, query));
      return `<section style="grid-column:span ${panel.gridPos.w};height:${panel.gridPos.h * 38}px"><h2>${escapeHtml(panel.title)}</h2>${draw(panel, rows)}</section>`;
    }),
  );
  const body = drawn.join('');
  return body === '' ? null : page(title, description, body);
}

type Panel = z.infer<typeof dashboardSchema>['panels'][number];

function draw(panel: Panel, rows: readonly Row[]): string {
  const { unit, max } = panel.fieldConfig?.defaults ?? {};
  if (panel.type === 'timeseries') return drawTimeSeries(rows, unit === 'percentunit', max);
  if (panel.type === 'stat') return drawStat(rows);
  return drawTable(rows);
}

function drawStat(rows: readonly Row[]): string {
  const tiles = rows.map((row) => {
    const values = Object.values(row);
    const label = values.length > 1 ? escapeHtml(String(values[0])) : '';
    return `<div class="tile"><span>${label}</span><strong>${escapeHtml(String(values.at(-1)))}</strong></div>`;
  });
  return `<div class="tiles">${tiles.join('')}</div>`;
}

/** As the ClickHouse data source sends it for the last quarter of an hour. */
function asSent(rawSql: string, { campaign, device }: PanelQuery): string {
  return rawSql
    .replaceAll(/\$__timeFilter\((\w+)\)/g, '$1 >= now() - INTERVAL 15 MINUTE')
    .replaceAll(/\$__timeInterval\((\w+)\)/g, 'toStartOfInterval($1, INTERVAL 5 SECOND)')
    .replaceAll('${campaign}', campaign)
    .replaceAll('${device}', device)
    .replaceAll('${severity}', '9');
}

function page(title: string, description: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escapeHtml(title)}</title><style>
body{margin:0;padding:24px;background:#111217;color:#ccccdc;font:13px/18px Inter,system-ui,sans-serif}
h1{margin:0;font-size:22px;line-height:28px;color:#fff}p{margin:2px 0 16px;color:#8e8ea0}
main{display:grid;grid-template-columns:repeat(24,1fr);gap:8px}
section{display:flex;flex-direction:column;overflow:hidden;padding:8px 12px;background:#181b1f;border:1px solid #2c2f36;border-radius:4px;min-width:0}
h2{margin:0 0 6px;font-size:13px;font-weight:500}
svg{flex:1;min-height:0;width:100%}.legend{display:flex;flex-wrap:wrap;gap:0 14px;max-height:36px;overflow:hidden;font-size:11px}
.legend i{display:inline-block;width:12px;height:3px;margin-right:5px;vertical-align:middle}
table{border-collapse:collapse;width:100%;font-size:12px}th{color:#8e8ea0;font-weight:500;text-align:left}
th,td{padding:3px 8px 3px 0;border-bottom:1px solid #22252b;white-space:nowrap;max-width:280px;overflow:hidden;text-overflow:ellipsis}
.tiles{display:flex;gap:12px;flex:1}.tile{flex:1;display:grid;place-content:center;text-align:center;background:#1f2329;border-radius:4px}
.tile strong{font-size:28px;line-height:36px;color:#73bf69}</style>
<h1>${escapeHtml(title)}</h1><p>${escapeHtml(description)}</p><main>${body}</main></html>`;
}
