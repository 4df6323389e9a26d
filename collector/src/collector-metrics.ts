import type { ProblemCode } from '@flotilla/contracts';
import { collectDefaultMetrics, Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { LogStats } from '@flotilla/event-log';

export type RequestOutcome = 'accepted' | 'partial' | 'empty' | ProblemCode;

const APPEND_BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5];

/** What /metrics shows; names follow Prometheus' conventions (base units, `_total`). */
export class CollectorMetrics {
  readonly #requests: Counter<'signal' | 'outcome'>;
  readonly #bytes: Counter<'signal'>;
  readonly #rejected: Counter<'signal'>;
  readonly #redated: Counter<'signal'>;
  readonly #appendSeconds: Histogram;

  constructor(registry: Registry, readStats?: () => Promise<LogStats>) {
    const registers = [registry];
    collectDefaultMetrics({ register: registry });
    this.#requests = new Counter({
      name: 'flotilla_collector_requests_total',
      help: 'OTLP requests by signal and outcome (accepted, partial, empty, or the code of the refusal)',
      labelNames: ['signal', 'outcome'],
      registers,
    });
    this.#bytes = new Counter({
      name: 'flotilla_collector_accepted_bytes_total',
      help: 'Decompressed bytes of the requests that were written to the event log',
      labelNames: ['signal'],
      registers,
    });
    this.#rejected = new Counter({
      name: 'flotilla_collector_rejected_items_total',
      help: 'Data points, log records and spans refused while the rest of their request was taken',
      labelNames: ['signal'],
      registers,
    });
    this.#redated = new Counter({
      name: 'flotilla_collector_redated_items_total',
      help: 'Items of resources in which times of a wrong clock were moved to now',
      labelNames: ['signal'],
      registers,
    });
    this.#appendSeconds = new Histogram({
      name: 'flotilla_collector_append_duration_seconds',
      help: 'Time until the event log had a request safe',
      buckets: APPEND_BUCKETS_SECONDS,
      registers,
    });
    if (readStats !== undefined) addLogGauges(registry, readStats);
  }

  countRequest(signal: string, outcome: RequestOutcome): void {
    this.#requests.inc({ signal, outcome });
  }

  countBytes(signal: string, sizeBytes: number): void {
    this.#bytes.inc({ signal }, sizeBytes);
  }

  countRejected(signal: string, items: number): void {
    this.#rejected.inc({ signal }, items);
  }

  countRedated(signal: string, items: number): void {
    this.#redated.inc({ signal }, items);
  }

  /** Returns a function that records the time since. */
  startAppend(): () => void {
    return this.#appendSeconds.startTimer();
  }
}

function addLogGauges(registry: Registry, readStats: () => Promise<LogStats>): void {
  const add = (name: string, help: string, pick: (stats: LogStats) => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        this.set(pick(await readStats()));
      },
    });
  add(
    'flotilla_event_log_size_bytes',
    'Embedded log: size of the records it holds. Kafka: of those appended here and not answered yet',
    (s) => s.sizeBytes,
  );
  add(
    'flotilla_event_log_records',
    'Embedded log: records it holds. Kafka: records appended here and not answered yet',
    (s) => s.records,
  );
  add('flotilla_event_log_max_bytes', 'Size at which the log refuses more', (s) => s.maxBytes);
}
