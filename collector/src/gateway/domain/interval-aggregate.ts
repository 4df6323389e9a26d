import {
  TEMPORALITY_DELTA,
  type Metric,
  type MetricsRequest,
  type ResourceMetrics,
  type ScopeMetrics,
} from '@flotilla/otlp';
import { INTERVAL_SUFFIX, MetricCells, type AggregationRule } from './metric-cells.ts';
import { bytesKey, metricKey } from './series-key.ts';

interface ScopeCells {
  readonly scope: ScopeMetrics;
  readonly metrics: Map<string, MetricCells>;
}

interface ResourceCells {
  readonly resource: ResourceMetrics;
  readonly scopes: Map<string, ScopeCells>;
}

/**
 * Metrics of one interval, merged per series. A resource that changes in any way, as with a new
 * firmware version, is another resource. Everything is handed out at once, so nothing carries over.
 */
export class IntervalAggregate {
  readonly #rule: AggregationRule;
  readonly #resources = new Map<string, ResourceCells>();
  #series = 0;

  constructor(rule: AggregationRule) {
    this.#rule = rule;
  }

  /** Series held, one per interval they have points in; what bounds the memory. */
  get series(): number {
    return this.#series;
  }

  add(request: MetricsRequest): void {
    for (const resource of request.resources) {
      const cells = this.#resource(resource);
      for (const scope of resource.scopes) this.#addScope(cells, scope);
    }
  }

  /** One entry per resource; the aggregate is empty afterwards. */
  take(): ResourceMetrics[] {
    const taken = Array.from(this.#resources.values(), ({ resource, scopes }) => ({
      resource: resource.resource,
      schemaUrl: resource.schemaUrl,
      scopes: Array.from(scopes.values(), ({ scope, metrics }) => ({
        scope: scope.scope,
        schemaUrl: scope.schemaUrl,
        metrics: [...metrics.values()].flatMap((cells) => cells.toMetrics()),
      })),
    }));
    this.#resources.clear();
    this.#series = 0;
    return taken;
  }

  #resource(resource: ResourceMetrics): ResourceCells {
    const key = `${resource.schemaUrl}|${bytesKey(resource.resource)}`;
    const known = this.#resources.get(key);
    if (known !== undefined) return known;
    const cells = { resource, scopes: new Map<string, ScopeCells>() };
    this.#resources.set(key, cells);
    return cells;
  }

  #addScope({ scopes }: ResourceCells, scope: ScopeMetrics): void {
    const key = `${scope.schemaUrl}|${bytesKey(scope.scope)}`;
    let cells = scopes.get(key);
    if (cells === undefined) {
      cells = { scope, metrics: new Map() };
      scopes.set(key, cells);
    }
    const summarised = summarisedGauges(scope.metrics);
    for (const metric of scope.metrics) {
      const named = metricKey(metric);
      let metricCells = cells.metrics.get(named);
      if (metricCells === undefined) {
        metricCells = new MetricCells(metric, this.#rule);
        cells.metrics.set(named, metricCells);
      }
      const before = metricCells.size;
      metricCells.add(metric.data, summarised.has(metric.name));
      this.#series += metricCells.size - before;
    }
  }
}

/** Gauges that an aggregation before this one has summarised; again would count their last value twice. */
function summarisedGauges(metrics: readonly Metric[]): Set<string> {
  const names = new Set<string>();
  for (const { name, data } of metrics) {
    if (data.kind !== 'histogram' || data.temporality !== TEMPORALITY_DELTA) continue;
    if (name.endsWith(INTERVAL_SUFFIX)) names.add(name.slice(0, -INTERVAL_SUFFIX.length));
  }
  return names;
}
