export type Row = Readonly<Record<string, string | number | null>>;

const COLORS = [
  '#73bf69',
  '#f2cc0c',
  '#8ab8ff',
  '#ff780a',
  '#f2495c',
  '#5794f2',
  '#b877d9',
  '#e0b400',
];
const WIDTH = 1000;
const HEIGHT = 300;
const MAX_ROWS = 14;

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

export function drawTable(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const head = columns.map((column) => `<th>${escapeHtml(column)}</th>`).join('');
  // Nanoseconds are for machines.
  const words = (value: string | number | null | undefined) =>
    String(value ?? '–').replace(/(\.\d{3})\d{6}$/, '$1');
  const cell = (value: string | number | null | undefined) =>
    `<td>${escapeHtml(words(value))}</td>`;
  const body = rows
    .slice(0, MAX_ROWS)
    .map((row) => `<tr>${columns.map((column) => cell(row[column])).join('')}</tr>`);
  return `<table><thead><tr>${head}</tr></thead><tbody>${body.join('')}</tbody></table>`;
}

interface Point {
  readonly atMs: number;
  readonly value: number;
}

/**
 * Lines over time: either one text column names the series and one number is its value, or every number
 * column is a series of its own, as Grafana reads such rows.
 */
export function drawTimeSeries(
  rows: readonly Row[],
  isShare: boolean,
  max: number | undefined,
): string {
  const series = seriesOf(rows);
  const points = [...series.values()].flat();
  const from = Math.min(...points.map(({ atMs }) => atMs));
  const to = Math.max(...points.map(({ atMs }) => atMs));
  const top = max ?? Math.max(1, ...points.map(({ value }) => value));
  const x = (atMs: number) => ((atMs - from) / Math.max(1, to - from)) * WIDTH;
  const y = (value: number) => HEIGHT * (1 - Math.min(1, value / top));
  const colour = (i: number) => COLORS[i % COLORS.length] ?? '#fff';
  const lines = [...series.values()].map((line, i) => {
    const path = line.map(
      (p, k) => `${k === 0 ? 'M' : 'L'}${x(p.atMs).toFixed(1)} ${y(p.value).toFixed(1)}`,
    );
    const [only] = line;
    if (line.length === 1 && only !== undefined) {
      return `<circle cx="${WIDTH / 2}" cy="${y(only.value).toFixed(1)}" r="4" fill="${colour(i)}"/>`;
    }
    return `<path d="${path.join('')}" fill="none" stroke="${colour(i)}" stroke-width="1.5" vector-effect="non-scaling-stroke"/>`;
  });
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<line x1="0" x2="${WIDTH}" y1="${HEIGHT * share}" y2="${HEIGHT * share}" stroke="#2c2f36" vector-effect="non-scaling-stroke"/>`,
  );
  const legend = [...series].map(([name, line], i) => {
    const last = line.at(-1)?.value ?? 0;
    const value = isShare ? `${(100 * last).toFixed(1)} %` : Number(last.toFixed(1));
    return `<span><i style="background:${colour(i)}"></i>${escapeHtml(name)} ${value}</span>`;
  });
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none">${grid.join('')}${lines.join('')}</svg><div class="legend">${legend.join('')}</div>`;
}

function seriesOf(rows: readonly Row[]): Map<string, Point[]> {
  const series = new Map<string, Point[]>();
  for (const { time, ...rest } of rows) {
    const atMs = Date.parse(`${String(time).replace(' ', 'T')}Z`);
    const fields = Object.entries(rest);
    const name = fields.find(
      ([, value]) => typeof value === 'string' && Number.isNaN(Number(value)),
    );
    for (const [column, value] of fields) {
      const number = Number(value);
      if (column === name?.[0] || value === null || Number.isNaN(number)) continue;
      const key = name === undefined ? column : String(name[1]);
      series.set(key, [...(series.get(key) ?? []), { atMs, value: number }]);
    }
  }
  return series;
}
