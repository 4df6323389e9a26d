import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { StoredCampaign } from './campaign-rows.ts';
import { errorRateOf } from './domain/observation.ts';

/** Series of running and paused campaigns only, so that their number stays bounded. */
export class CampaignMetrics {
  readonly #devices: Gauge<'campaign' | 'phase' | 'state'>;
  readonly #errorRatio: Gauge<'campaign' | 'phase'>;
  readonly #paused: Gauge<'campaign'>;
  readonly #evaluations: Counter<'verdict'>;
  readonly #duration: Histogram;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#devices = new Gauge({
      name: 'flotilla_campaign_devices',
      help: 'Devices of a phase by what became of them, as the warehouse last counted',
      labelNames: ['campaign', 'phase', 'state'],
      registers,
    });
    this.#errorRatio = new Gauge({
      name: 'flotilla_campaign_error_ratio',
      help: 'Failed, rolled back and silent devices over finished ones; absent while none finished',
      labelNames: ['campaign', 'phase'],
      registers,
    });
    this.#paused = new Gauge({
      name: 'flotilla_campaign_paused',
      help: '1 while the campaign is paused',
      labelNames: ['campaign'],
      registers,
    });
    this.#evaluations = new Counter({
      name: 'flotilla_evaluations_total',
      help: 'Evaluations of running campaigns by verdict; error when one could not be made',
      labelNames: ['verdict'],
      registers,
    });
    this.#duration = new Histogram({
      name: 'flotilla_evaluation_duration_seconds',
      help: 'Time to observe, judge and persist one campaign',
      buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    });
  }

  evaluated(verdict: string, durationMs: number): void {
    this.#evaluations.inc({ verdict });
    this.#duration.observe(durationMs / 1000);
  }

  /** Replaces what was shown before. */
  show(campaigns: readonly StoredCampaign[]): void {
    this.#devices.reset();
    this.#errorRatio.reset();
    this.#paused.reset();
    for (const { id: campaign, status, observation } of campaigns) {
      this.#paused.set({ campaign }, status === 'paused' ? 1 : 0);
      for (const seen of observation?.phases ?? []) {
        const phase = String(seen.phase);
        const states = {
          started: seen.started,
          confirmed: seen.confirmed,
          failed: seen.failed,
          rolled_back: seen.rolledBack,
          silent: seen.silent,
        };
        for (const [state, count] of Object.entries(states)) {
          this.#devices.set({ campaign, phase, state }, count);
        }
        const ratio = errorRateOf(seen);
        if (ratio !== null) this.#errorRatio.set({ campaign, phase }, ratio);
      }
    }
  }
}
