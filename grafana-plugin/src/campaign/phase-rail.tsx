import type { CampaignView, PhaseView } from '@flotilla/contracts';
import { count, percent } from '../format/quantity.ts';
import { StateWord, type Tone } from '../ui/state-word.tsx';
import { When } from '../ui/when.tsx';
import { finishedDevices, sampleNeeded, underWayDevices } from './campaign-progress.ts';
import { PHASE_STATE_WORDS } from './campaign-words.ts';
import { ErrorRateBar } from './error-rate-bar.tsx';

/** The phases from the canary to everybody, each with what became of its devices. */
export function PhaseRail({ campaign }: { readonly campaign: CampaignView }) {
  return (
    <section aria-labelledby="phases-title">
      <h2 id="phases-title" className="section-title">
        Phases
      </h2>
      <ol className="rail">
        {campaign.phases.map((phase) => (
          <Phase key={phase.phase} phase={phase} campaign={campaign} />
        ))}
      </ol>
    </section>
  );
}

function Phase({
  phase,
  campaign,
}: {
  readonly phase: PhaseView;
  readonly campaign: CampaignView;
}) {
  const current = phase.phase === campaign.currentPhase && phase.state !== 'done';
  const { tone, word } = stateOf(phase, campaign);
  return (
    <li className={`phase is-${phase.state}`} aria-current={current ? 'step' : undefined}>
      <div className="phase-track" aria-hidden="true">
        <span className={`phase-knob tone-${tone}`} />
      </div>
      <div className="panel phase-body">
        <div className="phase-head">
          <h3>{percent(phase.percent / 100)}</h3>
          <StateWord tone={tone}>{word}</StateWord>
        </div>
        <p className="phase-meta">
          <span>
            {phase.phase > 1 ? '+' : campaign.phases.length > 1 ? 'canary, ' : ''}
            {count(phase.devices, 'device')}
          </span>
          {phase.startedAt !== null && (
            <span>
              started <When at={phase.startedAt} />
            </span>
          )}
        </p>
        <Counts phase={phase} />
        <ErrorRateBar
          errorRate={phase.errorRate}
          threshold={campaign.errorThreshold}
          finished={finishedDevices(phase.counts)}
          needed={sampleNeeded(campaign.minSample, phase.devices)}
        />
      </div>
    </li>
  );
}

/** A phase stops with its campaign: "running" would be untrue while nobody is offered anything. */
function stateOf(phase: PhaseView, campaign: CampaignView): { tone: Tone; word: string } {
  if (phase.state === 'done') return { tone: 'good', word: PHASE_STATE_WORDS.done };
  if (phase.state === 'waiting') return { tone: 'neutral', word: PHASE_STATE_WORDS.waiting };
  if (campaign.status === 'paused') return { tone: 'warn', word: 'Paused' };
  if (campaign.status === 'aborted') return { tone: 'neutral', word: 'Aborted' };
  return { tone: 'info', word: PHASE_STATE_WORDS.running };
}

function Counts({ phase }: { readonly phase: PhaseView }) {
  const { counts } = phase;
  const rows: readonly (readonly [string, number, Tone])[] = [
    ['under way', underWayDevices(counts), 'info'],
    ['confirmed', counts.confirmed, 'good'],
    ['failed', counts.failed, 'bad'],
    ['rolled back', counts.rolledBack, 'bad'],
    ['silent', counts.silent, 'bad'],
  ];
  return (
    <>
      <div className="outcome-bar" aria-hidden="true">
        {rows.map(([label, n, tone]) => (
          <span key={label} className={`tone-${tone}`} style={{ flexGrow: n }} />
        ))}
        <span style={{ flexGrow: Math.max(0, phase.devices - counts.started) }} />
      </div>
      <dl className="counts">
        {rows.map(([label, n, tone]) => (
          <div key={label} className={n === 0 ? 'is-zero' : `tone-${tone}`}>
            <dt>{label}</dt>
            <dd>{n}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
