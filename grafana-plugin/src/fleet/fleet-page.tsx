import { useState } from 'react';
import type { DeviceView, HealthStatus } from '@flotilla/contracts';
import { usePoll } from '../api/use-poll.ts';
import { count } from '../format/quantity.ts';
import { PageFrame } from '../shell/page-frame.tsx';
import { Notice } from '../ui/notice.tsx';
import { DeviceTable } from './device-table.tsx';
import { filterFleet } from './fleet-filter.ts';
import { worstFirst } from './fleet-order.ts';
import { StatusTiles } from './status-tiles.tsx';
import { VersionBar } from './version-bar.tsx';

export function FleetPage() {
  const poll = usePoll('devices', (api, signal) => api.devices(signal));
  return (
    <PageFrame title="Fleet" poll={poll}>
      {({ items, isWhole }) =>
        items.length === 0 ? <NoDevices /> : <Fleet devices={items} isWhole={isWhole} />
      }
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

interface FleetProps {
  readonly devices: readonly DeviceView[];
  readonly isWhole: boolean;
}

function Fleet({ devices, isWhole }: FleetProps) {
  const [text, setText] = useState('');
  const [status, setStatus] = useState<HealthStatus | null>(null);
  const shown = worstFirst(filterFleet(devices, { text, status }));
  const filtered = text.trim() !== '' || status !== null;
  return (
    <>
      {!isWhole && (
        <p className="part-note">
          This fleet is larger than one view. Numbers and rows are of its first{' '}
          {count(devices.length, 'device')} by id.
        </p>
      )}
      <div className="overview">
        <StatusTiles devices={devices} selected={status} onSelect={setStatus} />
        <VersionBar devices={devices} />
      </div>
      <section className="panel" aria-labelledby="devices-title">
        <div className="panel-head">
          <h2 id="devices-title">Devices</h2>
          <span className="panel-note" role="status">
            {filtered ? `${shown.length} of ${count(devices.length, 'device')}` : 'worst first'}
          </span>
          <input
            type="search"
            className="filter"
            aria-label="Filter devices"
            placeholder="Filter by id, group, version…"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </div>
        {shown.length > 0 ? (
          <DeviceTable devices={shown} />
        ) : (
          <div className="panel-empty">
            <p>No device matches this filter.</p>
            <button
              type="button"
              onClick={() => {
                setText('');
                setStatus(null);
              }}
            >
              Clear the filter
            </button>
          </div>
        )}
      </section>
    </>
  );
}
