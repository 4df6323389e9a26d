import type { CampaignView } from '@flotilla/contracts';
import { count, percent } from '../format/quantity.ts';
import { duration } from '../format/relative-time.ts';
import { StateWord } from '../ui/state-word.tsx';
import { VERDICT_TONE } from '../ui/tones.ts';
import { When } from '../ui/when.tsx';
import { confirmedDevices } from './campaign-progress.ts';
import { VERDICT_WORDS } from './campaign-words.ts';

/** The gate's newest answer, and the numbers of the whole campaign beside it. */
export function CampaignSummary({ campaign }: { readonly campaign: CampaignView }) {
  return (
    <div className="summary">
      <Verdict campaign={campaign} />
      <dl className="figures">
        <Figure label="Offered to" value={campaign.exposedDevices} of={campaign.totalDevices} />
        <Figure label="Confirmed" value={confirmedDevices(campaign)} of={campaign.totalDevices} />
        <div>
          <dt>Error limit</dt>
          <dd>{percent(campaign.errorThreshold)}</dd>
          <dd className="figure-note">
            from {count(campaign.minSample, 'finished device')}; silent after{' '}
            {duration(campaign.deadlineMs)}
            {campaign.soakMs > 0 && `; rests ${duration(campaign.soakMs)}`}
          </dd>
        </div>
      </dl>
    </div>
  );
}

function Figure(props: { readonly label: string; readonly value: number; readonly of: number }) {
  return (
    <div>
      <dt>{props.label}</dt>
      <dd>
        {props.value} <span className="figure-of">of {props.of}</span>
      </dd>
      <dd className="figure-note">{props.of === 1 ? 'device' : 'devices'}</dd>
    </div>
  );
}

function Verdict({ campaign }: { readonly campaign: CampaignView }) {
  const { verdict } = campaign;
  return (
    <section
      className={`panel verdict tone-${verdict === null ? 'neutral' : VERDICT_TONE[verdict.kind]}`}
      aria-labelledby="verdict-title"
    >
      <div className="panel-head">
        <h2 id="verdict-title">May the next phase start?</h2>
        {verdict !== null && (
          <span className="panel-note">
            judged <When at={verdict.at} />
          </span>
        )}
      </div>
      {verdict === null ? (
        <p className="panel-text faint">The gate has not judged this campaign yet.</p>
      ) : (
        <>
          <StateWord tone={VERDICT_TONE[verdict.kind]} badge>
            {VERDICT_WORDS[verdict.kind]}
          </StateWord>
          <p className="verdict-words">{verdict.words}</p>
          <p className="verdict-code">{verdict.code}</p>
        </>
      )}
    </section>
  );
}
