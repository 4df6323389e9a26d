import type { DeviceHealth } from '@flotilla/contracts';
import { percent } from '../format/quantity.ts';
import { StateWord } from '../ui/state-word.tsx';
import { HEALTH_TONE, HEALTH_WORD } from '../ui/tones.ts';
import { When } from '../ui/when.tsx';
import { contributionsOf, signalWords } from './signal-words.ts';

/** The score and what it lost, signal by signal. */
export function HealthPanel({ health }: { readonly health: DeviceHealth | null }) {
  return (
    <section className="panel" aria-labelledby="health-title">
      <div className="panel-head">
        <h2 id="health-title">Health</h2>
        {health !== null && (
          <span className="panel-note">
            computed <When at={health.computedAt} />
          </span>
        )}
      </div>
      {health === null ? (
        <p className="panel-text">
          There is no health for this device yet: it has sent no telemetry, or the warehouse did not
          answer. Unknown is not healthy.
        </p>
      ) : (
        <Score health={health} />
      )}
    </section>
  );
}

function Score({ health }: { readonly health: DeviceHealth }) {
  const tone = HEALTH_TONE[health.status];
  const contributions = contributionsOf(health.contributions);
  return (
    <>
      <div className="score">
        <span className={`score-number ${health.status === 'unknown' ? 'is-unsure' : ''}`}>
          {Math.round(health.score)}
        </span>
        <span className="faint">of 100</span>
        <StateWord tone={tone} badge>
          {HEALTH_WORD[health.status]}
        </StateWord>
      </div>
      <span className={`meter is-large tone-${tone}`} aria-hidden="true">
        <span className="meter-fill" style={{ width: `${health.score}%` }} />
      </span>
      <p className="panel-text faint">
        {health.confidence > 0.995 ? 'All' : percent(health.confidence)} of its signals are fresh
        {health.confidence < 0.5 && ', too few to call it healthy or not'}.
      </p>
      <h3>Points lost</h3>
      {contributions.length === 0 ? (
        <p className="panel-text faint">No signal costs this device a point.</p>
      ) : (
        <ul className="losses">
          {contributions.map(({ signal, pointsLost }) => (
            <li key={signal}>
              <span>{signalWords(signal)}</span>
              <span className="loss-points">−{pointsLost.toFixed(1)}</span>
              <span className="meter" aria-hidden="true">
                <span className="meter-fill" style={{ width: `${Math.min(100, pointsLost)}%` }} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
