import { useState } from 'react';
import type { CampaignActionName, CampaignEvent, CampaignView } from '@flotilla/contracts';
import type { ApiClient } from '../api/client.ts';
import type { ApiResult } from '../api/api-failure.ts';
import { usePoll } from '../api/use-poll.ts';
import { useHost } from '../host/host-context.tsx';
import { Link } from '../routing/link.tsx';
import { PageFrame, focusTitleIfLost } from '../shell/page-frame.tsx';
import { StateWord } from '../ui/state-word.tsx';
import { CAMPAIGN_TONE } from '../ui/tones.ts';
import { ActionDialog } from './action-dialog.tsx';
import { AuditList } from './audit-list.tsx';
import { ACTION_WORDS, STATUS_WORDS, allowedActions, isDangerous } from './campaign-words.ts';
import { newestControl } from './control-evidence.ts';
import { ControlPanel } from './control-panel.tsx';
import { CampaignSummary } from './campaign-summary.tsx';
import { PhaseRail } from './phase-rail.tsx';

interface CampaignData {
  readonly campaign: CampaignView;
  readonly events: readonly CampaignEvent[];
}

export function CampaignPage({ id }: { readonly id: string }) {
  const poll = usePoll(`campaign/${id}`, (api, signal) => loadCampaign(api, id, signal));
  const [asking, setAsking] = useState<CampaignActionName | null>(null);
  const campaign = poll.data?.campaign;
  return (
    <PageFrame
      title={campaign?.name ?? id}
      parent={{ title: 'Campaigns', to: { page: 'campaigns' } }}
      poll={poll}
      subtitle={campaign === undefined ? undefined : <Subtitle campaign={campaign} />}
      aside={
        campaign !== undefined && (
          <>
            <StateWord tone={CAMPAIGN_TONE[campaign.status]} badge>
              {STATUS_WORDS[campaign.status]}
            </StateWord>
            <ActionButtons campaign={campaign} onAsk={setAsking} />
          </>
        )
      }
    >
      {(data) => (
        <>
          <CampaignSummary campaign={data.campaign} />
          <PhaseRail campaign={data.campaign} />
          <Control events={data.events} />
          <AuditList events={data.events} />
          {asking !== null && (
            <ActionDialog
              action={asking}
              campaign={data.campaign}
              onClose={() => {
                setAsking(null);
                focusTitleIfLost();
              }}
              onAnswer={poll.refresh}
            />
          )}
        </>
      )}
    </PageFrame>
  );
}

async function loadCampaign(
  api: ApiClient,
  id: string,
  signal: AbortSignal,
): Promise<ApiResult<CampaignData>> {
  const [campaign, events] = await Promise.all([
    api.campaign(id, signal),
    api.campaignEvents(id, signal),
  ]);
  if (!campaign.ok) return campaign;
  if (!events.ok) return events;
  return { ok: true, value: { campaign: campaign.value, events: events.value.items } };
}

/** Only where the gate has compared: an empty panel would say less than none. */
function Control({ events }: { readonly events: readonly CampaignEvent[] }) {
  const evidence = newestControl(events);
  return evidence === null ? null : <ControlPanel evidence={evidence} />;
}

function Subtitle({ campaign }: { readonly campaign: CampaignView }) {
  return (
    <>
      <Link to={{ page: 'firmware' }}>
        {campaign.model} {campaign.version}
      </Link>
      {campaign.groups !== null && <span>groups {campaign.groups.join(', ')}</span>}
      <span>round {campaign.round}</span>
      <span className="mono">{campaign.id}</span>
    </>
  );
}

interface ActionButtonsProps {
  readonly campaign: CampaignView;
  readonly onAsk: (action: CampaignActionName) => void;
}

function ActionButtons({ campaign, onAsk }: ActionButtonsProps) {
  const { access } = useHost().host;
  const allowed = allowedActions(campaign);
  if (allowed.length === 0 || !access.can('campaigns:write')) return null;
  // One thing stands out: what this campaign most likely waits for.
  const first = allowed.find((action) => !isDangerous(action));
  return (
    <div className="actions" role="group" aria-label="Campaign">
      {allowed.map((action) => (
        <button
          key={action}
          type="button"
          className={isDangerous(action) ? 'danger' : action === first ? 'primary' : ''}
          onClick={() => onAsk(action)}
        >
          {ACTION_WORDS[action].verb}…
        </button>
      ))}
    </div>
  );
}
