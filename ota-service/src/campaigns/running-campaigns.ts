import type { Kysely } from 'kysely';
import type { Database } from '../db/database.ts';
import type { StoredCampaign } from './campaign-rows.ts';
import type { CampaignStore } from './campaign-store.ts';
import { byPrecedence } from './domain/offer-decision.ts';

/** Longest that another replica's pause goes unseen here; an offer itself is checked when it is noted. */
export const MAX_AGE_MS = 200;

/** Those that have something to say to devices. */
const SPEAKING = ['running', 'rolling_back'] as const;

export interface RunningOfModel {
  /** In their precedence: a higher priority first, then the newer. */
  readonly campaigns: readonly StoredCampaign[];
  /** Another number whenever a campaign of the model started, ended or took a step; never used twice. */
  readonly epoch: number;
}

interface Known extends RunningOfModel {
  readonly signature: string;
}

const NOTHING_YET: Known = { campaigns: [], epoch: 0, signature: '' };

/** The running campaigns in memory, so that a poll asks the registry for nothing. */
export class RunningCampaigns {
  readonly #database: Kysely<Database>;
  readonly #store: CampaignStore;
  readonly #maxAgeMs: number;
  /** Models that ever had a campaign here. */
  readonly #models = new Map<string, Known>();
  #epoch = 0;
  #signature: string | null = null;
  /** When the newest reading began; what was committed before is in it. */
  #asOfMs = -Infinity;
  #expiredAtMs = -Infinity;
  #reading: Promise<void> | null = null;

  constructor(database: Kysely<Database>, store: CampaignStore, maxAgeMs = MAX_AGE_MS) {
    this.#database = database;
    this.#store = store;
    this.#maxAgeMs = maxAgeMs;
  }

  /** As the registry was at most `maxAgeMs` ago, and after whatever `expire` was called for. */
  async of(model: string): Promise<RunningOfModel> {
    const askedAtMs = performance.now();
    while (this.#asOfMs < Math.max(askedAtMs - this.#maxAgeMs, this.#expiredAtMs)) {
      this.#reading ??= this.#read().finally(() => (this.#reading = null));
      await this.#reading;
    }
    return this.#models.get(model) ?? NOTHING_YET;
  }

  /** This process changed a campaign: everybody who asks from now on sees it. */
  expire(): void {
    this.#expiredAtMs = performance.now();
  }

  async #read(): Promise<void> {
    const startedAtMs = performance.now();
    const rows = await this.#database
      .selectFrom('campaigns')
      .select(['id', 'row_version'])
      .where('status', 'in', [...SPEAKING])
      .orderBy('id')
      .execute();
    const signature = JSON.stringify(rows.map(({ id, row_version: version }) => [id, version]));
    if (signature !== this.#signature) {
      this.#replace(await this.#store.list({ statuses: SPEAKING }));
      this.#signature = signature;
    }
    this.#asOfMs = startedAtMs;
  }

  #replace(campaigns: readonly StoredCampaign[]): void {
    const byModel = Map.groupBy(campaigns, (campaign) => campaign.model);
    for (const model of new Set([...byModel.keys(), ...this.#models.keys()])) {
      const running = byPrecedence(byModel.get(model) ?? []);
      const signature = JSON.stringify(running.map(({ id, rowVersion }) => [id, rowVersion]));
      if (signature === this.#models.get(model)?.signature) continue;
      this.#epoch += 1;
      this.#models.set(model, { campaigns: running, epoch: this.#epoch, signature });
    }
  }
}
