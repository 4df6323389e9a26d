import type { Logger } from '@flotilla/service';
import { BackgroundRounds } from '../background-rounds.ts';
import type { Leases } from '../db/leases.ts';
import type { CampaignMetrics } from './campaign-metrics.ts';
import type { CampaignObserver } from './campaign-observer.ts';
import type { StoredCampaign } from './campaign-rows.ts';
import {
  observationColumn,
  verdictColumns,
  type CampaignStore,
  type Transition,
} from './campaign-store.ts';
import { deadlineMsOf, soakMsOf } from './domain/campaign.ts';
import { ACTS, stepCampaign } from './domain/campaign-machine.ts';
import { judge, type GateState, type Judgement } from './domain/campaign-verdict.ts';
import type { Observation } from './domain/observation.ts';
import type { DueSteps } from './due-steps.ts';

export interface EvaluationDeps {
  readonly store: CampaignStore;
  readonly dueSteps: Pick<DueSteps, 'take'>;
  readonly observer: CampaignObserver;
  readonly metrics: CampaignMetrics;
  readonly leases: Pick<Leases, 'during' | 'release'>;
  readonly intervalMs: number;
  readonly clock: () => number;
  readonly logger: Logger;
}

const ACTIVE = { statuses: ['running', 'paused'] } as const;

/** Of several replicas one at a time asks the warehouse. */
const LEASE = 'evaluation';

/** Puts each campaign's question to the warehouse again and again; one at a time. */
export class EvaluationLoop {
  readonly #deps: EvaluationDeps;
  readonly #rounds: BackgroundRounds;

  constructor(deps: EvaluationDeps) {
    this.#deps = deps;
    this.#rounds = new BackgroundRounds({
      intervalMs: deps.intervalMs,
      round: () =>
        this.#round().catch((err: unknown) => deps.logger.error({ err }, 'evaluation failed')),
    });
  }

  start(): void {
    this.#rounds.start();
  }

  /** Resolves when the evaluation under way has ended. */
  async stop(): Promise<void> {
    await this.#rounds.stop();
    await this.#deps.leases.release(LEASE).catch((err: unknown) =>
      // It runs out by itself.
      this.#deps.logger.warn({ err }, 'the lease of the evaluation was not released'),
    );
  }

  /** Now, instead of with the next evaluation. */
  async takeDueSteps(): Promise<void> {
    await this.#deps.dueSteps.take();
  }

  /** The lease saves the warehouse work; that a step is taken once is the row version's doing. */
  async #round(): Promise<void> {
    const { leases, metrics, store } = this.#deps;
    const held = await leases.during(LEASE, () => this.evaluateAll(), { keep: true });
    if (held === null) metrics.show(await store.list(ACTIVE));
  }

  /**
   * The steps that are due, then one round over all running campaigns; counts of paused ones are kept
   * current as well.
   */
  async evaluateAll(): Promise<void> {
    await this.#deps.dueSteps.take();
    const { store, observer, metrics, logger } = this.#deps;
    const campaigns = await store.list(ACTIVE);
    observer.keepOnly(new Set(campaigns.map((campaign) => campaign.id)));
    for (const campaign of campaigns) {
      if (this.#rounds.signal.aborted) return;
      try {
        if (campaign.status === 'running') await this.#evaluate(campaign);
        else await this.#recount(campaign);
      } catch (err) {
        // One campaign's fault must not keep the others from being judged.
        metrics.evaluated('error', 0);
        logger.error({ err, campaign: campaign.id }, 'campaign could not be evaluated');
      }
    }
    metrics.show(await store.list(ACTIVE));
  }

  async #evaluate(campaign: StoredCampaign): Promise<void> {
    const { clock, metrics } = this.#deps;
    const startedAtMs = clock();
    let { observation, judgement } = await this.#judge(campaign, startedAtMs, false);
    if (judgement.kind === 'advance' || judgement.kind === 'complete') {
      // A phase ends on a census of this moment, never on a remembered one.
      ({ observation, judgement } = await this.#judge(campaign, startedAtMs, true));
    }
    // What a stopping service saw is that it stopped.
    if (this.#rounds.signal.aborted) return;
    await this.#persist(campaign, observation, judgement, clock());
    metrics.evaluated(judgement.kind, clock() - startedAtMs);
  }

  async #judge(campaign: StoredCampaign, nowMs: number, fresh: boolean) {
    const signal = this.#rounds.signal;
    const observation = await this.#deps.observer.observe(campaign, nowMs, { fresh, signal });
    return { observation, judgement: judge(gateStateOf(campaign), observation, nowMs) };
  }

  async #recount(campaign: StoredCampaign): Promise<void> {
    const nowMs = this.#deps.clock();
    const options = { fresh: false, signal: this.#rounds.signal };
    const observation = await this.#deps.observer.observe(campaign, nowMs, options);
    if (observation.kind === 'observed') {
      await this.#deps.store.keepVerdict(campaign, null, observation, null);
    }
  }

  async #persist(
    campaign: StoredCampaign,
    observation: Observation,
    judgement: Judgement,
    nowMs: number,
  ): Promise<void> {
    const { store, logger } = this.#deps;
    const seen = observation.kind === 'observed' ? observation : null;
    const verdict = { ...judgement, atMs: nowMs };
    if (judgement.kind === 'hold') {
      await store.keepVerdict(campaign, verdict, seen, judgement.settledAtMs);
      return;
    }
    const transition = transitionOf(campaign, judgement, nowMs);
    const set = { ...transition.set, ...verdictColumns(verdict), ...observationColumn(seen) };
    const won = await store.transition(campaign, { ...transition, set }, nowMs);
    const { kind, words } = judgement;
    // Lost to an operator or another replica: what they left is judged at the next round.
    logger.info({ campaign: campaign.id, kind, words, won }, 'campaign step');
  }
}

export function gateStateOf(campaign: StoredCampaign): GateState {
  const { round, currentPhase, errorThreshold, minSample, phases } = campaign;
  const soakMs = soakMsOf(campaign, currentPhase);
  const skippedPhases = phases
    .filter(({ skippedAtMs }) => skippedAtMs !== null)
    .map(({ phase }) => phase);
  const hasGuards = (campaign.guards ?? null) !== null;
  const settledAtMs = phases[currentPhase - 1]?.settledAtMs ?? null;
  const limits = { errorThreshold, minSample, soakMs, skippedPhases };
  return { round, currentPhase, phaseCount: phases.length, settledAtMs, hasGuards, ...limits };
}

const ACT = { advance: 'advance', complete: 'complete', pause: 'auto_pause' } as const;

function transitionOf(campaign: StoredCampaign, judgement: Judgement, nowMs: number): Transition {
  if (judgement.kind === 'hold') throw new Error('a held campaign takes no step');
  const act = ACT[judgement.kind];
  const step = stepCampaign(campaign.status, act);
  if (!step.ok) throw new Error(step.reason);
  const next = campaign.currentPhase + 1;
  return {
    event: ACTS[act].event,
    actor: ACTS[act].by,
    reason: judgement.words,
    evidence: {
      code: judgement.code,
      ...judgement.evidence,
      window: {
        query: 'campaign-counts.sql',
        from: new Date(campaign.createdAtMs).toISOString(),
        to: new Date(nowMs).toISOString(),
        deadlineMs: deadlineMsOf(campaign, campaign.currentPhase),
      },
    },
    set: { status: step.status, ...(act === 'advance' && { current_phase: next }) },
    ...(act === 'advance' && { startsPhase: next }),
    needsNewestVerdict: act !== 'auto_pause',
  };
}
