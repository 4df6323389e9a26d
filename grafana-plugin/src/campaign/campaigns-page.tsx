import type { CampaignView } from '@flotilla/contracts';
import { usePoll } from '../api/use-poll.ts';
import { percent } from '../format/quantity.ts';
import { useHost } from '../host/host-context.tsx';
import { Link } from '../routing/link.tsx';
import { PageFrame } from '../shell/page-frame.tsx';
import { Notice } from '../ui/notice.tsx';
import { StateWord } from '../ui/state-word.tsx';
import { CAMPAIGN_TONE } from '../ui/tones.ts';
import { When } from '../ui/when.tsx';
import { STATUS_WORDS } from './campaign-words.ts';
import { confirmedDevices, newestFirst } from './campaign-progress.ts';

export function CampaignsPage() {
  const { host } = useHost();
  const poll = usePoll('campaigns', (api, signal) => api.campaigns(signal));
  return (
    <PageFrame
      title="Campaigns"
      poll={poll}
      aside={
        host.access.can('campaigns:write') && (
          <div className="actions">
            <Link to={{ page: 'new-campaign' }} className="button primary">
              New campaign
            </Link>
          </div>
        )
      }
    >
      {({ items }) =>
        items.length === 0 ? (
          <Notice
            tone="neutral"
            title="No campaign yet"
            detail="A campaign brings one released firmware version to its devices, phase by phase. Create the first one, and it appears here."
          />
        ) : (
          <ul className="cards">
            {newestFirst(items).map((campaign) => (
              <CampaignCard key={campaign.id} campaign={campaign} />
            ))}
          </ul>
        )
      }
    </PageFrame>
  );
}

function CampaignCard({ campaign }: { readonly campaign: CampaignView }) {
  const confirmed = confirmedDevices(campaign);
  const share = campaign.totalDevices === 0 ? 0 : confirmed / campaign.totalDevices;
  return (
    <li className="panel card">
      <div className="card-head">
        <h2>
          <Link to={{ page: 'campaign', id: campaign.id }} className="card-link">
            {campaign.name}
          </Link>
        </h2>
        <StateWord tone={CAMPAIGN_TONE[campaign.status]} badge>
          {STATUS_WORDS[campaign.status]}
        </StateWord>
      </div>
      <p className="card-meta">
        <span>
          {campaign.model} {campaign.version}
        </span>
        <span>
          phase {campaign.currentPhase} of {campaign.phases.length}
        </span>
        <span>
          created <When at={campaign.createdAt} />
        </span>
      </p>
      <div className="card-progress">
        <span className="meter is-large tone-good" aria-hidden="true">
          <span className="meter-fill" style={{ width: `${share * 100}%` }} />
        </span>
        <span>
          {confirmed} of {campaign.totalDevices} confirmed{' '}
          <span className="faint">{percent(share)}</span>
        </span>
      </div>
      {campaign.verdict !== null && <p className="card-verdict">{campaign.verdict.words}</p>}
    </li>
  );
}
