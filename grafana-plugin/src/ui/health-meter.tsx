import type { DeviceHealth } from '@flotilla/contracts';
import { StateWord } from './state-word.tsx';
import { HEALTH_TONE, HEALTH_WORD } from './tones.ts';

/** Score, bar and status word. A score of low confidence is shown dimmed. */
export function HealthMeter({ health }: { readonly health: DeviceHealth | null }) {
  if (health === null) {
    return (
      <span className="health">
        <span className="health-score">–</span>
        <span className="meter" aria-hidden="true" />
        <StateWord tone="neutral">Unknown</StateWord>
      </span>
    );
  }
  const tone = HEALTH_TONE[health.status];
  return (
    <span className="health">
      <span className={`health-score ${health.status === 'unknown' ? 'is-unsure' : ''}`}>
        {Math.round(health.score)}
      </span>
      <span className={`meter tone-${tone}`} aria-hidden="true">
        <span className="meter-fill" style={{ width: `${health.score}%` }} />
      </span>
      <StateWord tone={tone}>{HEALTH_WORD[health.status]}</StateWord>
    </span>
  );
}
