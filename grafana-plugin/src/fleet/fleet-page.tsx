import type { FleetSummary } from '@flotilla/contracts';
import { usePoll } from '../api/use-poll.ts';
import { DeviceTable } from '../device/device-table.tsx';
import { count } from '../format/quantity.ts';
import { Link } from '../routing/link.tsx';
import { PageFrame } from '../shell/page-frame.tsx';
import { Notice } from '../ui/notice.tsx';
import { GroupMap } from './group-map.tsx';
import { StatusTiles } from './status-tiles.tsx';
import { VersionBar } from './version-bar.tsx';

/** Health at a glance: one answer of bounded size, whatever the size of the fleet. */
export function FleetPage() {
  const poll = usePoll('fleet', (api, signal) => api.fleetSummary(signal));
  return (
    <PageFrame title="Fleet" poll={poll}>
      {(fleet) => (fleet.devices === 0 ? <NoDevices /> : <Fleet fleet={fleet} />)}
    </PageFrame>
  );
}

function NoDevices() {
  return (
    <Notice
      tone="neutral"
      title="No device is registered yet"
      detail="A device appears here as soon as it is registered, before it reports for the first time."
    />
  );
}

function Fleet({ fleet }: { readonly fleet: FleetSummary }) {
  const isWhole = fleet.worst.length >= fleet.devices;
  return (
    <>
      {fleet.health === null && (
        <p className="part-note" role="status">
          The warehouse does not answer, so nothing is known of the health of these devices.
        </p>
      )}
      <div className="overview">
        <StatusTiles health={fleet.health} />
        <VersionBar versions={fleet.versions} devices={fleet.devices} />
      </div>
      <GroupMap groups={fleet.groups} isWhole={fleet.groupsAreWhole} />
      <section className="panel" aria-labelledby="devices-title">
        <div className="panel-head">
          <h2 id="devices-title">{isWhole ? 'Devices' : 'Worst devices'}</h2>
          <span className="panel-note">
            {isWhole ? 'worst first' : `${fleet.worst.length} of ${count(fleet.devices, 'device')}`}
          </span>
          <Link to={{ page: 'devices' }} className="panel-link">
            All devices
          </Link>
        </div>
        <DeviceTable devices={fleet.worst} labelledBy="devices-title" />
      </section>
    </>
  );
}
