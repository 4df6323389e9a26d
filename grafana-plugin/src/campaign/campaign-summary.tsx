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
        <Figure
          label="Offered"
          value={campaign.exposedDevices}
          of={campaign.totalDevices}
          note={`devices were ever offered ${campaign.version}`}
        />
        <Figure
          label="Confirmed"
          value={confirmedDevices(campaign)}
          of={campaign.totalDevices}
          note={`devices confirmed ${campaign.version}`}
        />
        <div>
          <dt>Error limit</dt>
          <dd>{percent(campaign.errorThreshold)}</dd>
          <dd className="figure-note">
            {campaign.minSample === null
              ? 'beyond chance'
              : `from ${count(campaign.minSample, 'finished device')}`}
            ; silent after {duration(campaign.deadlineMs)}
            {campaign.soakMs > 0 && `; rests ${duration(campaign.soakMs)}`}
          </dd>
        </div>
      </dl>
    </div>
  );
}

interface FigureProps {
  readonly label: string;
  readonly value: number;
  readonly of: number;
  readonly note: string;
}

function Figure({ label, value, of, note }: FigureProps) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>
        {value} <span className="figure-of">of {of}</span>
      </dd>
      <dd className="figure-note">{note}</dd>
    </div>
  );
}

function Verdict({ campaign }: { readonly campaign: CampaignView }) {
  const { verdict } = campaign;
  const isOpen = campaign.status === 'running' || campaign.status === 'paused';
  return (
    <section
      className={`panel verdict tone-${verdict === null ? 'neutral' : VERDICT_TONE[verdict.kind]}`}
      aria-labelledby="verdict-title"
    >
      <div className="panel-head">
        <h2 id="verdict-title">{isOpen ? 'May the next phase start?' : 'Last verdict'}</h2>
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
          <p className="verdict-code">
            {verdict.kind} · {verdict.code}
          </p>
        </>
      )}
    </section>
  );
}
