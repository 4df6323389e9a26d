import type { FleetSummary } from '@flotilla/contracts';
import { count, percent } from '../format/quantity.ts';
import { versionSpread, type VersionShare } from './version-spread.ts';

const MAX_SEGMENTS = 5;

interface VersionBarProps {
  readonly versions: FleetSummary['versions'];
  readonly devices: number;
}

/** Which versions the fleet runs, as one stacked bar with its legend. */
export function VersionBar({ versions, devices }: VersionBarProps) {
  const { shown, rest } = segmentsOf(versionSpread(versions));
  return (
    <section className="panel versions" aria-labelledby="versions-title">
      <div className="panel-head">
        <h2 id="versions-title">Firmware versions</h2>
        <span className="panel-note">{count(devices, 'device')}</span>
      </div>
      <div className="stacked" aria-hidden="true">
        {[...shown, ...rest].map((segment, i) => (
          <span
            key={segment.label}
            className={`series-${segment.series ?? i}`}
            style={{ flexGrow: segment.devices }}
          />
        ))}
      </div>
      <ul className="legend">
        {[...shown, ...rest].map((segment, i) => (
          <li key={segment.label}>
            <span className={`swatch series-${segment.series ?? i}`} aria-hidden="true" />
            <span className="legend-label">{segment.label}</span>
            <span className="legend-value">
              {segment.devices.toLocaleString('en')}{' '}
              <span className="faint">{percent(segment.share)}</span>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

interface Segment {
  readonly label: string;
  readonly devices: number;
  readonly share: number;
  readonly series?: 'none' | 'rest';
}

function segmentsOf(spread: readonly VersionShare[]): { shown: Segment[]; rest: Segment[] } {
  const versions = spread.filter((share) => share.version !== null);
  const shown = versions
    .slice(0, MAX_SEGMENTS)
    .map(({ version, devices, share }): Segment => ({ label: version ?? '', devices, share }));
  const older = versions.slice(MAX_SEGMENTS);
  const none = spread.find((share) => share.version === null);
  const rest: Segment[] = [];
  if (older.length > 0) {
    rest.push({
      label: `${older.length} older`,
      devices: older.reduce((sum, { devices }) => sum + devices, 0),
      share: older.reduce((sum, { share }) => sum + share, 0),
      series: 'rest',
    });
  }
  if (none !== undefined) {
    rest.push({ label: 'none yet', devices: none.devices, share: none.share, series: 'none' });
  }
  return { shown, rest };
}
