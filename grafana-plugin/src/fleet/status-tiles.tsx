import type { FleetSummary } from '@flotilla/contracts';
import { Link } from '../routing/link.tsx';
import { StateWord } from '../ui/state-word.tsx';
import { HEALTH_TONE, HEALTH_WORD } from '../ui/tones.ts';
import { STATUSES_WORST_FIRST } from '../device/health-order.ts';

/** Devices by health; a tile leads to its devices. */
export function StatusTiles({ health }: { readonly health: FleetSummary['health'] }) {
  return (
    <ul className="tiles" aria-label="Devices by health">
      {STATUSES_WORST_FIRST.map((status) => {
        const devices = health?.[status];
        const isZero = devices === undefined || devices === 0;
        return (
          <li key={status}>
            <Link to={{ page: 'devices', filter: { status } }} className="tile">
              <span className={isZero ? 'tile-number is-zero' : 'tile-number'}>
                {devices === undefined ? '–' : devices.toLocaleString('en')}
              </span>
              <StateWord tone={isZero ? 'neutral' : HEALTH_TONE[status]}>
                {HEALTH_WORD[status]}
              </StateWord>
            </Link>
          </li>
        );
      })}
    </ul>
  );
}
