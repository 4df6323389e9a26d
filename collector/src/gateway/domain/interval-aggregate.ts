import {
  TEMPORALITY_DELTA,
  type Metric,
  type MetricsRequest,
  type ResourceMetrics,
  type ScopeMetrics,
} from '@flotilla/otlp';
import { copyBytes } from './cell-map.ts';
import type { CounterState } from './counter-state.ts';
import { INTERVAL_SUFFIX, MetricCells, type AggregationRule } from './metric-cells.ts';
import { bytesKey, metricKey, shortKey } from './series-key.ts';

/** A metric without points: its maps, as V8 keeps them; roughly. */
const METRIC_BYTES = 1500;

interface ScopeCells {
  readonly scope: Omit<ScopeMetrics, 'metrics'>;
  /** Names resource and scope. */
  readonly identity: string;
  readonly metrics: Map<string, MetricCells>;
}

interface ResourceCells {
  readonly resource: Omit<ResourceMetrics, 'scopes'>;
  readonly identity: string;
  readonly scopes: Map<string, ScopeCells>;
}

/**
 * Metrics of one interval, merged per series. A resource that changes in any way, as with a new
 * firmware version, is another resource. Everything is handed out at once; what has to be known of
 * the interval before is in `counters`.
 */
export class IntervalAggregate {
  readonly #rule: AggregationRule;
  readonly #counters: CounterState;
  readonly #resources = new Map<string, ResourceCells>();
  #series = 0;
  #sizeBytes = 0;

  constructor(rule: AggregationRule, counters: CounterState) {
    this.#rule = rule;
    this.#counters = counters;
  }

  /** Series held, one per interval they have points in. */
  get series(): number {
    return this.#series;
  }

  /** About what they weigh in memory. */
  get sizeBytes(): number {
    return this.#sizeBytes;
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
      ...resource,
      scopes: Array.from(scopes.values(), ({ scope, metrics }) => ({
        ...scope,
        metrics: [...metrics.values()].flatMap((cells) => cells.take()),
      })),
    }));
    this.#resources.clear();
    this.#series = 0;
    this.#sizeBytes = 0;
    return taken;
  }

  #resource({ resource, schemaUrl }: ResourceMetrics): ResourceCells {
    const key = `${schemaUrl.length}|${schemaUrl}|${bytesKey(resource)}`;
    const known = this.#resources.get(key);
    if (known !== undefined) return known;
    const cells = {
      resource: { resource: copyBytes(resource), schemaUrl },
      identity: shortKey(key),
      scopes: new Map<string, ScopeCells>(),
    };
    this.#resources.set(key, cells);
    this.#sizeBytes += key.length + resource.length;
    return cells;
  }

  #addScope({ identity, scopes }: ResourceCells, given: ScopeMetrics): void {
    const { scope, schemaUrl } = given;
    const key = `${schemaUrl.length}|${schemaUrl}|${bytesKey(scope)}`;
    let cells = scopes.get(key);
    if (cells === undefined) {
      cells = {
        scope: { scope: copyBytes(scope), schemaUrl },
        identity: `${identity}/${shortKey(key)}`,
        metrics: new Map(),
      };
      scopes.set(key, cells);
      this.#sizeBytes += key.length + scope.length;
    }
    const summarised = summarisedGauges(given.metrics);
    for (const metric of given.metrics) {
      this.#addMetric(cells, metric, summarised.has(metric.name));
    }
  }

  #addMetric({ identity, metrics }: ScopeCells, metric: Metric, summarised: boolean): void {
    const key = metricKey(metric);
    let cells = metrics.get(key);
    if (cells === undefined) {
      cells = new MetricCells(metric, `${identity}/${key}`, this.#rule, this.#counters);
      metrics.set(key, cells);
      this.#sizeBytes += METRIC_BYTES + key.length + metric.description.length;
    }
    const { size, sizeBytes } = cells;
    cells.add(metric.data, summarised);
    this.#series += cells.size - size;
    this.#sizeBytes += cells.sizeBytes - sizeBytes;
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
