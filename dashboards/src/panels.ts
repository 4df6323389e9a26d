import { readFileSync } from 'node:fs';
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import {
  CustomVariableBuilder,
  DashboardBuilder,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
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
const METRICS_VARIABLE = 'metrics';
const METRICS = { type: 'prometheus', uid: `\${${METRICS_VARIABLE}}` };

/** The app plugin's pages; a value in a table leads to its page. */
const APP = '/a/flotilla-fleet-app';
const COLUMN_LINKS: Readonly<Record<string, { title: string; url: string }>> = {
  Device: { title: 'Open the device', url: `${APP}/devices/\${__value.raw}` },
  Campaign: { title: 'Open the campaign', url: `${APP}/campaigns/\${__value.raw}` },
};

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

interface Frame {
  readonly title: string;
  readonly description: string;
  /** Grid columns, of 24, and rows. */
  readonly span: number;
  readonly height: number;
}

interface Place extends Frame {
  readonly query: string;
}

export interface MetricTarget {
  readonly expr: string;
  readonly legend: string;
}

/** Services' own metrics, from Prometheus. */
export function metricsPanel(frame: Frame, unit: string, targets: readonly MetricTarget[]) {
  const panel = new timeseries.PanelBuilder()
    .title(frame.title)
    .description(frame.description)
    .datasource(METRICS)
    .unit(unit)
    .min(0)
    .fillOpacity(8)
    .lineWidth(1)
    .span(frame.span)
    .height(frame.height);
  targets.forEach(({ expr, legend }, i) =>
    panel.withTarget(
      new prometheus.DataqueryBuilder()
        .refId(String.fromCharCode(65 + i))
        .expr(expr)
        .legendFormat(legend)
        .range(),
    ),
  );
  return panel;
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
  const panel = new table.PanelBuilder()
    .title(place.title)
    .description(place.description)
    .datasource(DATASOURCE)
    .withTarget(clickHouse(place.query, FORMAT_TABLE))
    .span(place.span)
    .height(place.height);
  for (const [column, link] of Object.entries(COLUMN_LINKS)) {
    panel.overrideByName(column, [{ id: 'links', value: [link] }]);
  }
  return panel;
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

/** An empty dashboard with the warehouse, or also Prometheus, as variables. */
export function dashboard(
  uid: string,
  title: string,
  description: string,
  needs: 'warehouse' | 'warehouse and metrics' = 'warehouse',
): ClassicDashboard {
  const builder = emptyDashboard(uid, title, description);
  if (needs === 'warehouse') return builder;
  return builder.withVariable(
    new DatasourceVariableBuilder(METRICS_VARIABLE).label('Metrics').type(METRICS.type),
  );
}

function emptyDashboard(uid: string, title: string, description: string): ClassicDashboard {
  return new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(['flotilla'])
    .readonly()
    .refresh('10s')
    .time({ from: 'now-1h', to: 'now' })
    .timezone('browser')
    .link(new DashboardLinkBuilder('Flotilla').type(DashboardLinkType.Link).url(APP).icon('apps'))
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

/** A variable of fixed values, each under a name; the first is the default. */
export function choiceVariable(
  name: string,
  label: string,
  choices: Readonly<Record<string, string>>,
): CustomVariableBuilder {
  const values = Object.entries(choices).map(([text, value]) => `${text} : ${value}`);
  const [[text, value] = ['', '']] = Object.entries(choices);
  return new CustomVariableBuilder(name)
    .label(label)
    .values(values.join(', '))
    .current({ selected: true, text, value });
}
