import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { StoredCampaign } from './campaign-rows.ts';
import { errorRateOf, type ObservedPhase } from './domain/observation.ts';

/** Series of running and paused campaigns only, so that their number stays bounded. */
export class CampaignMetrics {
  readonly #devices: Gauge<'campaign' | 'phase' | 'state'>;
  readonly #errorRatio: Gauge<'campaign' | 'phase'>;
  readonly #paused: Gauge<'campaign'>;
  readonly #threshold: Gauge<'campaign'>;
  readonly #phaseStarted: Gauge<'campaign' | 'phase'>;
  readonly #phaseDeadline: Gauge<'campaign' | 'phase'>;
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
    this.#threshold = new Gauge({
      name: 'flotilla_campaign_error_threshold_ratio',
      help: 'Error ratio from which the campaign is to pause',
      labelNames: ['campaign'],
      registers,
    });
    this.#phaseStarted = new Gauge({
      name: 'flotilla_campaign_phase_started_timestamp_seconds',
      help: 'When the phase that a campaign is in began, seconds since the epoch',
      labelNames: ['campaign', 'phase'],
      registers,
    });
    this.#phaseDeadline = new Gauge({
      name: 'flotilla_campaign_phase_deadline_seconds',
      help: 'Time a device of that phase has until it counts as silent',
      labelNames: ['campaign', 'phase'],
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
    for (const gauge of [this.#devices, this.#errorRatio, this.#paused, this.#threshold])
      gauge.reset();
    this.#phaseStarted.reset();
    this.#phaseDeadline.reset();
    for (const stored of campaigns) {
      const { id: campaign, status, observation, currentPhase } = stored;
      this.#paused.set({ campaign }, status === 'paused' ? 1 : 0);
      this.#threshold.set({ campaign }, stored.errorThreshold);
      const startedAtMs = stored.phases[currentPhase - 1]?.startedAtMs ?? null;
      if (startedAtMs !== null) {
        const phase = String(currentPhase);
        this.#phaseStarted.set({ campaign, phase }, startedAtMs / 1000);
        this.#phaseDeadline.set({ campaign, phase }, stored.deadlineMs / 1000);
      }
      for (const seen of observation?.phases ?? []) this.#showPhase(campaign, seen);
    }
  }

  #showPhase(campaign: string, seen: ObservedPhase): void {
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
