import { setTimeout as delay } from 'node:timers/promises';
import type { CampaignActionName, CampaignStatus, CampaignView } from '@flotilla/contracts';
import { campaignLines, campaignRows, planLines, progressLine } from '../campaign-lines.ts';
import { CAMPAIGN_OPTIONS, campaignOf } from '../campaign-options.ts';
import type { Argument, Call, Command } from '../command.ts';
import { durationMs } from '../durations.ts';
import { show } from '../outcome.ts';

const CAMPAIGN: Argument = { name: 'CAMPAIGN-ID', kind: 'campaign-id' };
const REASON = { value: 'TEXT', help: 'for the audit log' } as const;
const WATCH_EVERY_MS = 1000;

/** How `watch` ends, for a job in CI. */
export const WATCH_EXIT_CODES: Readonly<Partial<Record<CampaignStatus, number>>> = {
  completed: 0,
  paused: 4,
  aborted: 5,
  rolled_back: 5,
};
const TIMED_OUT = 6;

export const CAMPAIGN_COMMANDS: readonly Command[] = [
  {
    name: 'campaign create',
    argument: { name: 'FIRMWARE-ID', kind: 'firmware-id' },
    summary: 'roll a firmware out in phases',
    options: {
      ...CAMPAIGN_OPTIONS,
      'dry-run': { help: 'only tell who would get it, and when' },
      watch: { help: 'then watch it, as campaign watch does' },
    },
    run: create,
  },
  {
    name: 'campaign list',
    summary: 'all campaigns',
    async run({ api, asJson }) {
      const campaigns = await api().campaigns();
      show(campaigns, campaignRows(campaigns), asJson);
    },
  },
  {
    name: 'campaign show',
    argument: CAMPAIGN,
    summary: 'one with its phases and the newest verdict',
    async run({ api, argument, asJson }) {
      const campaign = await api().campaign(argument);
      show(campaign, campaignLines(campaign), asJson);
    },
  },
  {
    name: 'campaign events',
    argument: CAMPAIGN,
    summary: 'its audit log',
    async run({ api, argument, asJson }) {
      const events = await api().campaignEvents(argument);
      const lines = events.map(
        ({ at, event, actor, reason }) => `${at}  ${event.padEnd(16)} ${actor}: ${reason}`,
      );
      show(events, lines, asJson);
    },
  },
  {
    name: 'campaign watch',
    argument: CAMPAIGN,
    summary:
      'follow it to its end: exit 0 completed, 4 paused, 5 aborted or rolled back, 6 timeout',
    options: { timeout: { value: '2h', help: 'give up then' } },
    run: (call) => watch(call, call.argument),
  },
  action('approve', 'let one begin that waits for a second person'),
  action('pause', 'offer it to nobody else'),
  action('resume', 'go on, through the gates'),
  action('skip-phase', 'do not wait for the devices of this phase'),
  action('retry', 'let failed devices try again'),
  action('rollback', 'send the updated devices back'),
  action('abort', 'end it'),
];

function action(name: CampaignActionName, summary: string): Command {
  return {
    name: `campaign ${name}`,
    argument: CAMPAIGN,
    summary,
    options: { reason: REASON },
    async run({ api, argument, options, asJson }) {
      const campaign = await api().act(argument, name, options.wanted('reason'));
      show(campaign, campaignLines(campaign), asJson);
    },
  };
}

async function create(call: Call): Promise<number | void> {
  const request = campaignOf(call.argument, call.options);
  if (call.options.isOn('dry-run')) {
    const plan = await call.api().planCampaign(request);
    show(plan, planLines(plan), call.asJson);
    return;
  }
  const campaign = await call.api().createCampaign(request);
  show(campaign, campaignLines(campaign), call.asJson);
  if (call.options.isOn('watch')) return watch(call, campaign.id);
}

async function watch({ api, options, asJson }: Call, id: string): Promise<number> {
  const timeout = options.text('timeout');
  const client = api();
  const endMs = timeout === undefined ? Infinity : Date.now() + durationMs(timeout, '--timeout');
  let told = '';
  for (;;) {
    const campaign = await client.campaign(id);
    const line = progressLine(campaign);
    if (line !== told) tell(campaign, line, asJson);
    told = line;
    const code = WATCH_EXIT_CODES[campaign.status];
    if (code !== undefined) return code;
    if (Date.now() >= endMs) return TIMED_OUT;
    await delay(WATCH_EVERY_MS);
  }
}

/** A line a change: JSON lines for machines. */
function tell(campaign: CampaignView, line: string, asJson: boolean): void {
  const text = asJson ? JSON.stringify(campaign) : `${new Date().toISOString()}  ${line}`;
  process.stdout.write(`${text}\n`);
}
