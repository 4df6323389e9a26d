import { count, percent } from '../format/quantity.ts';
import { When } from '../ui/when.tsx';
import { shareInterval, type ControlEvidence } from './control-evidence.ts';

/** Updated devices beside those that wait: how many crashed, and how far the evidence has come. */
export function ControlPanel({ evidence }: { readonly evidence: ControlEvidence }) {
  const { updated, control, odds, oddsLimit } = evidence;
  // Odds are read on a logarithmic scale: each step to the limit is a factor, not a sum.
  const progress = Math.max(0, Math.min(1, Math.log(Math.max(1, odds)) / Math.log(oddsLimit)));
  return (
    <section className="panel control" aria-labelledby="control-title">
      <div className="panel-head">
        <h2 id="control-title">Updated devices against those that wait</h2>
        <span className="panel-note">
          weighed <When at={evidence.at} />
        </span>
      </div>
      <dl className="control-sides">
        <Side name="Updated" side={updated} tone="info" />
        <Side name="Control" side={control} tone="neutral" />
      </dl>
      <p className="control-odds">
        Evidence that the update makes devices crash more often:{' '}
        <strong>
          {odds < 10 ? Number(odds.toFixed(1)) : Math.round(odds).toLocaleString('en')} to 1
        </strong>
        <span className="faint">; at {Math.round(oddsLimit)} to 1 the campaign pauses</span>
      </p>
      <span
        className={`meter is-large ${progress >= 1 ? 'tone-bad' : 'tone-warn'}`}
        aria-hidden="true"
      >
        <span className="meter-fill" style={{ width: `${100 * progress}%` }} />
      </span>
    </section>
  );
}

interface SideProps {
  readonly name: string;
  readonly side: ControlEvidence['updated'];
  readonly tone: 'info' | 'neutral';
}

function Side({ name, side, tone }: SideProps) {
  const [low, high] = shareInterval(side);
  const share = side.devices === 0 ? 0 : side.crashed / side.devices;
  return (
    <div className={`tone-${tone}`}>
      <dt>{name}</dt>
      <dd>
        {side.crashed} of {count(side.devices, 'device')} crashed
      </dd>
      <dd className="interval" aria-hidden="true">
        <span
          className="interval-range"
          style={{ left: `${100 * low}%`, width: `${100 * (high - low)}%` }}
        />
        <span className="interval-point" style={{ left: `${100 * share}%` }} />
      </dd>
      <dd className="faint">
        {percent(low)} to {percent(high)}, 95 % interval
      </dd>
    </div>
  );
}
