import { readFileSync } from 'node:fs';
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import {
  DashboardBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

/**
 * House defaults for every dashboard, and the one file that knows the classic format: Grafana 13.0's
 * file provisioning refuses the newer schema.
 */
/* eslint-disable @typescript-eslint/no-deprecated -- the classic builder is the deprecated one, see above */
export type ClassicDashboard = DashboardBuilder;

const DATASOURCE_VARIABLE = 'warehouse';
const DATASOURCE = { type: 'grafana-clickhouse-datasource', uid: `\${${DATASOURCE_VARIABLE}}` };

/** Formats of the ClickHouse data source plugin (its `format` field). */
const FORMAT_TIME_SERIES = 0;
const FORMAT_TABLE = 1;

/** The text of `dashboards/sql/<name>.sql`. */
export function sql(name: string): string {
  return readFileSync(new URL(`../sql/${name}.sql`, import.meta.url), 'utf8').trim();
}

/** A query as the `grafana-clickhouse-datasource` plugin stores it; the SDK has no type for it. */
function clickHouse(name: string, format: number): Builder<Dataquery> {
  const query = {
    refId: 'A',
    datasource: DATASOURCE,
    editorType: 'sql',
    queryType: format === FORMAT_TABLE ? 'table' : 'timeseries',
    format,
    rawSql: sql(name),
  };
  // The marker method of the SDK's union type must not reach the JSON.
  Object.defineProperty(query, '_implementsDataqueryVariant', { value: () => undefined });
  return { build: () => query as unknown as Dataquery };
}

interface Place {
  readonly title: string;
  readonly description: string;
  readonly query: string;
  /** Grid columns, of 24, and rows. */
  readonly span: number;
  readonly height: number;
}

export function timeSeriesPanel(place: Place, unit: string, max?: number) {
  const panel = new timeseries.PanelBuilder()
    .title(place.title)
    .description(place.description)
    .datasource(DATASOURCE)
    .withTarget(clickHouse(place.query, FORMAT_TIME_SERIES))
    .unit(unit)
    .min(0)
    .fillOpacity(8)
    .lineWidth(1)
    .span(place.span)
    .height(place.height);
  return max === undefined ? panel : panel.max(max);
}

export function tablePanel(place: Place) {
  return new table.PanelBuilder()
    .title(place.title)
    .description(place.description)
    .datasource(DATASOURCE)
    .withTarget(clickHouse(place.query, FORMAT_TABLE))
    .span(place.span)
    .height(place.height);
}

export function statPanel(place: Place, unit: string) {
  return new stat.PanelBuilder()
    .title(place.title)
    .description(place.description)
    .datasource(DATASOURCE)
    .withTarget(clickHouse(place.query, FORMAT_TABLE))
    .unit(unit)
    .span(place.span)
    .height(place.height);
}

/** A share between 0 and 1 of each device over time, half the width. */
export function utilizationPanel(title: string, description: string, query: string) {
  return timeSeriesPanel({ title, description, query, span: 12, height: 9 }, 'percentunit', 1);
}

/** An empty dashboard with the warehouse as a variable. */
export function dashboard(uid: string, title: string, description: string): ClassicDashboard {
  return new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(['flotilla'])
    .readonly()
    .refresh('10s')
    .time({ from: 'now-1h', to: 'now' })
    .timezone('browser')
    .withVariable(
      new DatasourceVariableBuilder(DATASOURCE_VARIABLE).label('Warehouse').type(DATASOURCE.type),
    );
}

/** A variable filled by a query of one column. */
export function queryVariable(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(DATASOURCE)
    .query(sql(query))
    .refresh(VariableRefresh.OnTimeRangeChanged);
}
