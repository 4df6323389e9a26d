import { sql, type Generated, type Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { CampaignStatus, UpdateState, VerdictKind } from '@flotilla/contracts';
import { labelMigrations, type LabelTables } from '../devices/label-tables.ts';

/** A campaign. `row_version` rises with every transition, so of two writers only one can win. */
export interface CampaignRow {
  id: string;
  name: string;
  firmware_id: string;
  model: string;
  version: string;
  /** JSON array of group names; null is every group of the model. */
  groups_json: string | null;
  status: CampaignStatus;
  round: number;
  current_phase: number;
  error_threshold: number;
  /** 0 stands for none. */
  min_sample: number;
  soak_ms: number;
  deadline_ms: number;
  /** JSON of `Guards`; null: not asked for. */
  guards_json: string | null;
  row_version: number;
  verdict_kind: VerdictKind | null;
  verdict_code: string | null;
  verdict_words: string | null;
  verdict_at_ms: number | null;
  /** JSON of the newest `ObservedPhases`; null before the warehouse answered once. */
  observation_json: string | null;
  created_at_ms: number;
  updated_at_ms: number;
  base_round: Generated<number>;
  /** JSON of `CampaignRules`; null in campaigns from before there were any. */
  rules_json: Generated<string | null>;
  created_by: Generated<string>;
  approved_by: Generated<string | null>;
  approved_at_ms: Generated<number | null>;
}

/**
 * A phase as planned. A device belongs to the first phase whose cutoff is not below its rank, so
 * there is no table of members and a device that joins later has its place already.
 */
export interface CampaignPhaseRow {
  campaign_id: string;
  phase: number;
  percent: number;
  /** Devices the phase added when the campaign was planned. */
  planned_devices: number;
  cutoff: string;
  started_at_ms: number | null;
  /** When the gate first saw every device finished in this round; the soak counts from here. */
  settled_at_ms: number | null;
  /** As it was asked for; null when in percent. */
  count: Generated<number | null>;
  /** Null is the campaign's. */
  soak_ms: Generated<number | null>;
  deadline_ms: Generated<number | null>;
  skipped_at_ms: Generated<number | null>;
}

/** The listed devices of a target. */
export interface CampaignMemberRow {
  campaign_id: string;
  device_id: string;
}

/** When a campaign with `devicesPerMinute` may make its next offer. */
export interface CampaignPaceRow {
  campaign_id: string;
  next_at_ms: number;
}

/** Leave for one device to be offered something, under a rate limit. */
export interface OfferPermitRow {
  campaign_id: string;
  device_id: string;
  round: number;
  granted_at_ms: number;
}

/** Append-only. `seq` is the campaign's row version after the event. */
export interface CampaignEventRow {
  campaign_id: string;
  seq: number;
  at_ms: number;
  event: string;
  actor: string;
  reason: string;
  evidence_json: string | null;
}

/** The newest state of one (campaign, device, round). */
export interface UpdateAttemptRow {
  campaign_id: string;
  device_id: string;
  round: number;
  phase: number;
  state: UpdateState;
  reason: string | null;
  detail: string | null;
  from_version: string | null;
  to_version: string;
  transfer_bytes: number;
  used_delta: number;
  last_report_id: string | null;
  started_at_ms: number;
  updated_at_ms: number;
}

export interface CampaignTables extends LabelTables {
  campaigns: CampaignRow;
  campaign_phases: CampaignPhaseRow;
  campaign_events: CampaignEventRow;
  update_attempts: UpdateAttemptRow;
  campaign_members: CampaignMemberRow;
  campaign_paces: CampaignPaceRow;
  offer_permits: OfferPermitRow;
}

// `bigint` has integer affinity in SQLite and holds milliseconds in PostgreSQL, where `integer` would not.
const createCampaigns: Migration = {
  async up(db) {
    await db.schema
      .createTable('campaigns')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('firmware_id', 'text', (c) => c.notNull())
      .addColumn('model', 'text', (c) => c.notNull())
      .addColumn('version', 'text', (c) => c.notNull())
      .addColumn('groups_json', 'text')
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('round', 'integer', (c) => c.notNull())
      .addColumn('current_phase', 'integer', (c) => c.notNull())
      .addColumn('error_threshold', 'double precision', (c) => c.notNull())
      .addColumn('min_sample', 'integer', (c) => c.notNull())
      .addColumn('soak_ms', 'bigint', (c) => c.notNull())
      .addColumn('deadline_ms', 'bigint', (c) => c.notNull())
      .addColumn('row_version', 'integer', (c) => c.notNull())
      .addColumn('verdict_kind', 'text')
      .addColumn('verdict_code', 'text')
      .addColumn('verdict_words', 'text')
      .addColumn('verdict_at_ms', 'bigint')
      .addColumn('observation_json', 'text')
      .addColumn('created_at_ms', 'bigint', (c) => c.notNull())
      .addColumn('updated_at_ms', 'bigint', (c) => c.notNull())
      .execute();
    // Every poll asks for the running campaigns of one model.
    await db.schema
      .createIndex('campaigns_model_status')
      .on('campaigns')
      .columns(['model', 'status'])
      .execute();
  },
};

const createCampaignDetails: Migration = {
  async up(db) {
    await db.schema
      .createTable('campaign_phases')
      .addColumn('campaign_id', 'text', (c) => c.notNull().references('campaigns.id'))
      .addColumn('phase', 'integer', (c) => c.notNull())
      .addColumn('percent', 'double precision', (c) => c.notNull())
      .addColumn('planned_devices', 'integer', (c) => c.notNull())
      .addColumn('cutoff', 'text', (c) => c.notNull())
      .addColumn('started_at_ms', 'bigint')
      .addColumn('settled_at_ms', 'bigint')
      .addPrimaryKeyConstraint('campaign_phases_pk', ['campaign_id', 'phase'])
      .execute();
    await db.schema
      .createTable('campaign_events')
      .addColumn('campaign_id', 'text', (c) => c.notNull().references('campaigns.id'))
      .addColumn('seq', 'integer', (c) => c.notNull())
      .addColumn('at_ms', 'bigint', (c) => c.notNull())
      .addColumn('event', 'text', (c) => c.notNull())
      .addColumn('actor', 'text', (c) => c.notNull())
      .addColumn('reason', 'text', (c) => c.notNull())
      .addColumn('evidence_json', 'text')
      .addPrimaryKeyConstraint('campaign_events_pk', ['campaign_id', 'seq'])
      .execute();
  },
};

const createUpdateAttempts: Migration = {
  async up(db) {
    await db.schema
      .createTable('update_attempts')
      .addColumn('campaign_id', 'text', (c) => c.notNull().references('campaigns.id'))
      .addColumn('device_id', 'text', (c) => c.notNull())
      .addColumn('round', 'integer', (c) => c.notNull())
      .addColumn('phase', 'integer', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('reason', 'text')
      .addColumn('detail', 'text')
      .addColumn('from_version', 'text')
      .addColumn('to_version', 'text', (c) => c.notNull())
      .addColumn('transfer_bytes', 'bigint', (c) => c.notNull())
      .addColumn('used_delta', 'integer', (c) => c.notNull())
      .addColumn('last_report_id', 'text')
      .addColumn('started_at_ms', 'bigint', (c) => c.notNull())
      .addColumn('updated_at_ms', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('update_attempts_pk', ['campaign_id', 'device_id', 'round'])
      .execute();
    // A device's page shows its newest updates.
    await db.schema
      .createIndex('update_attempts_device')
      .on('update_attempts')
      .columns(['device_id', 'started_at_ms'])
      .execute();
  },
};

/** The census walks a model's devices in order of id; without this each page would sort the fleet. */
const indexDevicesByModel: Migration = {
  async up(db) {
    await db.schema
      .createIndex('devices_model_id')
      .on('devices')
      .columns(['model', 'id'])
      .execute();
  },
};

const addCampaignRules: Migration = {
  async up(db: Kysely<CampaignTables>) {
    const integer = (table: string, name: string) =>
      db.schema.alterTable(table).addColumn(name, 'bigint').execute();
    // One column a statement: SQLite adds no more at once.
    await db.schema
      .alterTable('campaigns')
      .addColumn('base_round', 'integer', (c) => c.notNull().defaultTo(1))
      .execute();
    await db.schema.alterTable('campaigns').addColumn('rules_json', 'text').execute();
    await db.schema
      .alterTable('campaigns')
      .addColumn('created_by', 'text', (c) => c.notNull().defaultTo('operator'))
      .execute();
    await db.schema.alterTable('campaigns').addColumn('approved_by', 'text').execute();
    await integer('campaigns', 'approved_at_ms');
    for (const name of ['count', 'soak_ms', 'deadline_ms', 'skipped_at_ms']) {
      await integer('campaign_phases', name);
    }
    // Until now every new round set the failures before it aside.
    await db
      .updateTable('campaigns')
      .set({ base_round: sql`round` })
      .execute();
  },
};

const createTargetsAndPaces: Migration = {
  async up(db) {
    await db.schema
      .createTable('campaign_members')
      // No reference: a long list is written before its campaign.
      .addColumn('campaign_id', 'text', (c) => c.notNull())
      .addColumn('device_id', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('campaign_members_pk', ['campaign_id', 'device_id'])
      .execute();
    await db.schema
      .createTable('campaign_paces')
      .addColumn('campaign_id', 'text', (c) => c.primaryKey().references('campaigns.id'))
      .addColumn('next_at_ms', 'double precision', (c) => c.notNull())
      .execute();
    await db.schema
      .createTable('offer_permits')
      .addColumn('campaign_id', 'text', (c) => c.notNull().references('campaigns.id'))
      .addColumn('device_id', 'text', (c) => c.notNull())
      .addColumn('round', 'integer', (c) => c.notNull())
      .addColumn('granted_at_ms', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('offer_permits_pk', ['campaign_id', 'device_id', 'round'])
      .execute();
    // Counts the downloads under way, and the devices that run what a campaign brought.
    await db.schema
      .createIndex('update_attempts_state')
      .on('update_attempts')
      .columns(['campaign_id', 'state'])
      .execute();
  },
};

/** In a number of its own range, since the rules of campaigns grow beside it. */
const addCampaignGuards: Migration = {
  async up(db) {
    await db.schema.alterTable('campaigns').addColumn('guards_json', 'text').execute();
  },
};

export const campaignMigrations: Record<string, Migration> = {
  ...labelMigrations,
  '300_campaigns': createCampaigns,
  '301_campaign_details': createCampaignDetails,
  '302_update_attempts': createUpdateAttempts,
  '303_devices_by_model': indexDevicesByModel,
  '390_campaign_guards': addCampaignGuards,
  '304_campaign_rules': addCampaignRules,
  '305_targets_and_paces': createTargetsAndPaces,
};
