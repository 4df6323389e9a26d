import { webhookAlertSchema } from '@flotilla/contracts';
import { describe, expect, it } from 'vitest';
import {
  decideAlert,
  MAX_ALERT_AGE_MS,
  type AlertContext,
} from '../../src/alerts-webhook/domain/alert-decision.ts';

const NOW = Date.UTC(2026, 0, 10);
const running: AlertContext = {
  campaign: { isRunning: true, roundStartedAtMs: NOW - 3_600_000 },
  receivedStartsMs: [],
};
const decide = (startedAgoMs: number, context = running, status = 'firing') =>
  decideAlert(
    webhookAlertSchema.parse({
      status,
      labels: {},
      startsAt: new Date(NOW - startedAgoMs).toISOString(),
      fingerprint: 'ab12',
    }),
    context,
    NOW,
  );

describe('an alert', () => {
  it('pauses a running campaign', () => {
    expect(decide(60_000)).toEqual({ act: 'pause' });
  });

  it.each<[string, number, AlertContext, string, string]>([
    ['that ended', 60_000, running, 'resolved', 'resolved'],
    ['without a campaign', 60_000, { ...running, campaign: null }, 'firing', 'no_campaign'],
    [
      'acted on before',
      60_000,
      { ...running, receivedStartsMs: [NOW - 60_000] },
      'firing',
      'repeated',
    ],
    [
      'older than one acted on',
      60_000,
      { ...running, receivedStartsMs: [NOW - 1] },
      'firing',
      'stale',
    ],
    ['from before the round', 3_600_001, running, 'firing', 'stale'],
    ['from the future', -300_001, running, 'firing', 'stale'],
    [
      'of last week',
      MAX_ALERT_AGE_MS + 1,
      { ...running, campaign: { isRunning: true, roundStartedAtMs: 0 } },
      'firing',
      'stale',
    ],
    [
      'of a paused campaign',
      60_000,
      { ...running, campaign: { isRunning: false, roundStartedAtMs: 0 } },
      'firing',
      'not_running',
    ],
  ])('%s does nothing', (_what, agoMs, context, status, outcome) => {
    expect(decide(agoMs, context, status)).toMatchObject({ act: 'none', outcome });
  });

  it('that begins anew after one acted on pauses again', () => {
    expect(decide(1000, { ...running, receivedStartsMs: [NOW - 60_000] }).act).toBe('pause');
  });
});
