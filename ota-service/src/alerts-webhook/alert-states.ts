import { sql, type Kysely, type Selectable } from 'kysely';
import {
  LABEL_ALERT_CAMPAIGN,
  LABEL_ALERT_DEVICE,
  LABEL_CAMPAIGN_ID,
  type AlertListQuery,
  type AlertView,
  type WebhookAlert,
} from '@flotilla/contracts';
import { z } from 'zod';
import type { Database } from '../db/database.ts';
import { MAX_ALERT_AGE_MS } from './domain/alert-decision.ts';
import type { AlertStateRow } from './tables.ts';

const textMap = z.record(z.string(), z.string());

/** What fires, for the pages of a device and a campaign. */
export class AlertStates {
  readonly #database: Kysely<Database>;

  constructor(database: Kysely<Database>) {
    this.#database = database;
  }

  /**
   * Repeats change nothing but the time. Notifications come out of order after a restart: an older
   * alert does not replace a newer one of its kind, and one that ended does not fire again.
   */
  async keep(alerts: readonly WebhookAlert[], nowMs: number): Promise<void> {
    for (const alert of alerts) {
      await this.#database
        .insertInto('alert_states')
        .values(rowOf(alert, nowMs))
        .onConflict((conflict) =>
          conflict
            .column('fingerprint')
            .doUpdateSet((row) => ({
              status: row.ref('excluded.status'),
              annotations_json: row.ref('excluded.annotations_json'),
              starts_at_ms: row.ref('excluded.starts_at_ms'),
              told_at_ms: row.ref('excluded.told_at_ms'),
            }))
            .where(
              sql<boolean>`excluded.starts_at_ms > alert_states.starts_at_ms
                or (excluded.starts_at_ms = alert_states.starts_at_ms and alert_states.status = 'firing')`,
            ),
        )
        .execute();
    }
    await this.#database
      .deleteFrom('alert_states')
      .where('told_at_ms', '<', nowMs - MAX_ALERT_AGE_MS)
      .execute();
  }

  async list(query: AlertListQuery): Promise<AlertView[]> {
    let rows = this.#database.selectFrom('alert_states').selectAll();
    if (query.device !== undefined) rows = rows.where('device_id', '=', query.device);
    if (query.campaign !== undefined) rows = rows.where('campaign_id', '=', query.campaign);
    if (query.status !== undefined) rows = rows.where('status', '=', query.status);
    const found = await rows
      // `firing` comes before `resolved`.
      .orderBy('status')
      .orderBy('starts_at_ms', 'desc')
      .orderBy('fingerprint')
      .limit(query.limit)
      .execute();
    return found.map(viewOf);
  }
}

function rowOf(alert: WebhookAlert, nowMs: number): AlertStateRow {
  const { fingerprint, status, labels, annotations, startsAt } = alert;
  return {
    fingerprint,
    name: labels['alertname'] ?? '',
    status,
    device_id: labels[LABEL_ALERT_DEVICE] ?? null,
    campaign_id: labels[LABEL_CAMPAIGN_ID] ?? labels[LABEL_ALERT_CAMPAIGN] ?? null,
    labels_json: JSON.stringify(labels),
    annotations_json: JSON.stringify(annotations),
    starts_at_ms: Date.parse(startsAt),
    told_at_ms: nowMs,
  };
}

function viewOf(row: Selectable<AlertStateRow>): AlertView {
  const labels = textMap.parse(JSON.parse(row.labels_json));
  const annotations = textMap.parse(JSON.parse(row.annotations_json));
  return {
    fingerprint: row.fingerprint,
    name: row.name,
    status: row.status,
    severity: labels['severity'] ?? '',
    summary: annotations['summary'] ?? annotations['description'] ?? '',
    runbookUrl: annotations['runbook_url'] ?? null,
    deviceId: row.device_id,
    campaignId: row.campaign_id,
    labels,
    startsAt: new Date(row.starts_at_ms).toISOString(),
    toldAt: new Date(row.told_at_ms).toISOString(),
  };
}
