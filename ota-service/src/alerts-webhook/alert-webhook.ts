import type { Kysely } from 'kysely';
import { Counter, type Registry } from 'prom-client';
import {
  campaignIdSchema,
  LABEL_CAMPAIGN_ID,
  type AlertOutcome,
  type AlertWebhook,
  type AlertWebhookAnswer,
  type WebhookAlert,
} from '@flotilla/contracts';
import type { CampaignService } from '../campaigns/campaign-service.ts';
import type { StoredCampaign } from '../campaigns/campaign-rows.ts';
import { CampaignStore } from '../campaigns/campaign-store.ts';
import { stepCampaign } from '../campaigns/domain/campaign-machine.ts';
import type { Database } from '../db/database.ts';
import { AlertReceipts } from './alert-receipts.ts';
import { AlertStates } from './alert-states.ts';
import { decideAlert } from './domain/alert-decision.ts';

/** The audit log's name for it. */
const ACTOR = 'alertmanager';
const MAX_REASON_CHARS = 500;
/** Steps after which a campaign's devices are asked afresh. */
const ROUND_EVENTS = ['created', 'started', 'resumed', 'retried'];

type Result = AlertWebhookAnswer['results'][number];

/** Lets alerts pause campaigns; they can do nothing else. */
export class AlertIntake {
  readonly #database: Kysely<Database>;
  readonly #store: CampaignStore;
  readonly #receipts: AlertReceipts;
  readonly #states: AlertStates;
  readonly #clock: () => number;
  readonly #campaigns: Pick<CampaignService, 'expire'>;
  readonly #alerts: Counter<'outcome'>;

  constructor(deps: {
    readonly database: Kysely<Database>;
    readonly clock: () => number;
    /** Answers polls from memory; to be told of a pause. */
    readonly campaigns: Pick<CampaignService, 'expire'>;
    readonly registry: Registry;
  }) {
    this.#database = deps.database;
    this.#store = new CampaignStore(deps.database);
    this.#receipts = new AlertReceipts(deps.database);
    this.#states = new AlertStates(deps.database);
    this.#clock = deps.clock;
    this.#campaigns = deps.campaigns;
    this.#alerts = new Counter({
      name: 'flotilla_alert_webhook_alerts_total',
      help: 'Alerts that came by the webhook, by what became of them',
      labelNames: ['outcome'],
      registers: [deps.registry],
    });
  }

  /** One after the other; a registry that fails rejects, and Alertmanager sends all of it again. */
  async take({ alerts }: AlertWebhook): Promise<AlertWebhookAnswer> {
    await this.#states.keep(alerts, this.#clock());
    const results: Result[] = [];
    for (const alert of alerts) {
      const result = await this.#takeOne(alert);
      this.#alerts.inc({ outcome: result.outcome });
      results.push(result);
    }
    return { results };
  }

  async #takeOne(alert: WebhookAlert): Promise<Result> {
    const nowMs = this.#clock();
    const { fingerprint, labels } = alert;
    const named = campaignIdSchema.safeParse(labels[LABEL_CAMPAIGN_ID]).data;
    const campaign = named === undefined ? null : await this.#store.find(named);
    const answer = (outcome: AlertOutcome, detail: string): Result => {
      const alertname = labels['alertname'] ?? '';
      return { fingerprint, alertname, campaignId: campaign?.id ?? null, outcome, detail };
    };
    const decision = decideAlert(
      alert,
      {
        campaign: campaign && {
          isRunning: stepCampaign(campaign.status, 'pause').ok,
          roundStartedAtMs: await this.#roundStart(campaign),
        },
        receivedStartsMs: await this.#receipts.startsOf(fingerprint),
      },
      nowMs,
    );
    if (decision.act === 'none') {
      if (decision.isNews && campaign !== null) await this.#remember(alert, campaign.id, nowMs);
      return answer(decision.outcome, decision.detail);
    }
    if (campaign === null) throw new Error('only a campaign that exists is paused');
    // Pause first: killed in between, the repeat finds the campaign paused, and not the alert done.
    if (!(await this.#pause(campaign, alert, nowMs))) return this.#takeOne(alert);
    await this.#remember(alert, campaign.id, nowMs);
    return answer('paused', 'the campaign is paused');
  }

  /** False when somebody else changed the campaign meanwhile: then it is looked at anew. */
  async #pause(campaign: StoredCampaign, alert: WebhookAlert, nowMs: number): Promise<boolean> {
    const step = stepCampaign(campaign.status, 'pause');
    if (!step.ok) throw new Error(step.reason);
    const { labels, annotations, fingerprint, startsAt, generatorURL } = alert;
    const name = labels['alertname'] ?? fingerprint;
    const summary = annotations['summary'] ?? annotations['description'];
    const reason = summary === undefined ? `alert ${name}` : `alert ${name}: ${summary}`;
    const transition = {
      event: 'paused',
      actor: ACTOR,
      reason: reason.slice(0, MAX_REASON_CHARS),
      evidence: {
        alert: { name, labels, annotations, fingerprint, startsAt, generatorURL },
        round: campaign.round,
        currentPhase: campaign.currentPhase,
      },
      set: { status: step.status },
    } as const;
    const isPaused = await this.#store.transition(campaign, transition, nowMs);
    this.#campaigns.expire();
    return isPaused;
  }

  async #remember(alert: WebhookAlert, campaignId: string, nowMs: number): Promise<void> {
    const { fingerprint, startsAt } = alert;
    const receipt = { fingerprint, startsAtMs: Date.parse(startsAt), campaignId };
    await this.#receipts.add(receipt, nowMs);
  }

  async #roundStart(campaign: StoredCampaign): Promise<number> {
    const row = await this.#database
      .selectFrom('campaign_events')
      .select(({ fn }) => fn.max<number | string | null>('at_ms').as('at_ms'))
      .where('campaign_id', '=', campaign.id)
      .where('event', 'in', ROUND_EVENTS)
      .executeTakeFirst();
    return Number(row?.at_ms ?? campaign.createdAtMs);
  }
}
