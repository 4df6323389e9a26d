import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('../../../dashboards/sql/', import.meta.url);

/** The dashboards' SQL with the macros of Grafana's ClickHouse data source written out. */
export function dashboardQueries(
  campaignId: string,
  deviceId: string,
): { name: string; query: string }[] {
  return readdirSync(folder).map((name) => ({
    name,
    query: readFileSync(new URL(name, folder), 'utf8')
      .replaceAll(/\$__timeFilter\((\w+)\)/g, '$1 >= now() - INTERVAL 1 HOUR')
      .replaceAll(/\$__timeInterval\((\w+)\)/g, 'toStartOfInterval($1, INTERVAL 10 SECOND)')
      .replaceAll('${campaign}', campaignId)
      .replaceAll('${device}', deviceId)
      .replaceAll('${severity}', '0'),
  }));
}
