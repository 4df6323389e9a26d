import type { FleetSummary } from '@flotilla/contracts';
import { count } from '../format/quantity.ts';
import { Link } from '../routing/link.tsx';

type Group = FleetSummary['groups'][number];

/** More are named in one line: a map of hundreds of tiles is no glance any more. */
const MAX_TILES = 24;

interface GroupMapProps {
  readonly groups: readonly Group[];
  readonly isWhole: boolean;
}

/** A tile per group, those in trouble first, each with how much of it is well. */
export function GroupMap({ groups, isWhole }: GroupMapProps) {
  if (groups.length < 2) return null;
  const ordered = [...groups].sort(
    (a, b) => shareOf(b) - shareOf(a) || b.devices - a.devices || (a.group < b.group ? -1 : 1),
  );
  const rest = ordered.slice(MAX_TILES);
  return (
    <section className="panel group-map" aria-labelledby="groups-title">
      <div className="panel-head">
        <h2 id="groups-title">Groups</h2>
        <span className="panel-note">
          {isWhole ? 'those in trouble first' : 'of the worst devices; there are more'}
        </span>
      </div>
      <ul className="groups">
        {ordered.slice(0, MAX_TILES).map((group) => (
          <GroupTile key={group.group} group={group} />
        ))}
      </ul>
      {rest.length > 0 && (
        <p className="panel-note">
          and {count(rest.length, 'further group')} with{' '}
          {count(
            rest.reduce((sum, { devices }) => sum + devices, 0),
            'device',
          )}
        </p>
      )}
    </section>
  );
}

function GroupTile({ group }: { readonly group: Group }) {
  const { critical, degraded, devices } = group;
  const trouble = [
    ...(critical > 0 ? [`${critical} critical`] : []),
    ...(degraded > 0 ? [`${degraded} degraded`] : []),
  ];
  return (
    <li>
      <Link to={{ page: 'devices', filter: { group: group.group } }} className="group">
        <span className="group-name">{group.group}</span>
        <span className="group-count">{devices.toLocaleString('en')}</span>
        <span className="group-bar" aria-hidden="true">
          <span className="tone-bad" style={{ flexGrow: critical }} />
          <span className="tone-warn" style={{ flexGrow: degraded }} />
          <span className="group-rest" style={{ flexGrow: devices - critical - degraded }} />
        </span>
        <span className="group-words">
          {trouble.length === 0 ? 'none in trouble' : trouble.join(', ')}
        </span>
      </Link>
    </li>
  );
}

function shareOf({ critical, degraded, devices }: Group): number {
  return devices === 0 ? 0 : (critical * 2 + degraded) / devices;
}
