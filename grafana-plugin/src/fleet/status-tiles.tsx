import type { DeviceView, HealthStatus } from '@flotilla/contracts';
import { StateWord } from '../ui/state-word.tsx';
import { HEALTH_TONE, HEALTH_WORD } from '../ui/tones.ts';
import { STATUSES_WORST_FIRST, statusOf } from './health-of.ts';

interface StatusTilesProps {
  readonly devices: readonly DeviceView[];
  readonly selected: HealthStatus | null;
  readonly onSelect: (status: HealthStatus | null) => void;
}

/** Devices by health; a tile is also the switch that shows only its devices. */
export function StatusTiles({ devices, selected, onSelect }: StatusTilesProps) {
  return (
    <div className="tiles" role="group" aria-label="Devices by health">
      {STATUSES_WORST_FIRST.map((status) => {
        const n = devices.filter((device) => statusOf(device) === status).length;
        return (
          <button
            key={status}
            type="button"
            className="tile"
            aria-pressed={selected === status}
            onClick={() => onSelect(selected === status ? null : status)}
          >
            <span className={n === 0 ? 'tile-number is-zero' : 'tile-number'}>{n}</span>
            <StateWord tone={n === 0 ? 'neutral' : HEALTH_TONE[status]}>
              {HEALTH_WORD[status]}
            </StateWord>
          </button>
        );
      })}
    </div>
  );
}
