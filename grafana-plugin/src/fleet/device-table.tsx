import { useState } from 'react';
import type { DeviceView, UpdateRecord } from '@flotilla/contracts';
import { reasonWords, updateStateWord } from '../device/update-words.ts';
import { Link } from '../routing/link.tsx';
import { HealthMeter } from '../ui/health-meter.tsx';
import { StateWord } from '../ui/state-word.tsx';
import { UPDATE_TONE } from '../ui/tones.ts';
import { When } from '../ui/when.tsx';

/** More rows than this are drawn on demand: ten thousand at once would stall every poll. */
const PAGE_ROWS = 100;

const COLUMNS = ['Device', 'Model', 'Group', 'Firmware', 'Health', 'Last seen', 'Last update'];

/**
 * On a narrow screen each row becomes a card; the explicit roles keep it a table for assistive
 * technology, which `display: grid` would otherwise take away.
 */
export function DeviceTable({ devices }: { readonly devices: readonly DeviceView[] }) {
  const [rows, setRows] = useState(PAGE_ROWS);
  return (
    <>
      <table className="table device-table" role="table" aria-labelledby="devices-title">
        <thead role="rowgroup">
          <tr role="row">
            {COLUMNS.map((column) => (
              <th key={column} scope="col" role="columnheader">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {devices.slice(0, rows).map((device) => (
            <DeviceRow key={device.id} device={device} />
          ))}
        </tbody>
      </table>
      {devices.length > rows && (
        <div className="panel-foot">
          <button type="button" onClick={() => setRows(rows + PAGE_ROWS)}>
            Show {Math.min(PAGE_ROWS, devices.length - rows)} more of {devices.length - rows}
          </button>
        </div>
      )}
    </>
  );
}

function DeviceRow({ device }: { readonly device: DeviceView }) {
  return (
    <tr role="row">
      <th scope="row" role="rowheader" className="cell-id">
        <Link to={{ page: 'device', id: device.id }}>{device.id}</Link>
        {device.lifecycle !== 'active' && <span className="tag">{device.lifecycle}</span>}
      </th>
      <td role="cell" className="cell-model">
        {device.model}
      </td>
      <td role="cell" className="cell-group">
        {device.group}
      </td>
      <td role="cell" className="cell-version">
        {device.firmwareVersion ?? <span className="faint">no firmware</span>}
      </td>
      <td role="cell" className="cell-health">
        <HealthMeter health={device.health} />
      </td>
      <td role="cell" className="cell-seen">
        {device.lastSeenAt === null ? (
          <span className="faint">never</span>
        ) : (
          <When at={device.lastSeenAt} />
        )}
      </td>
      <td role="cell" className="cell-update">
        <LastUpdate update={device.lastUpdate} />
      </td>
    </tr>
  );
}

function LastUpdate({ update }: { readonly update: UpdateRecord | null }) {
  if (update === null) return <span className="faint">no update yet</span>;
  return (
    <>
      <StateWord tone={UPDATE_TONE[update.state]}>{updateStateWord(update.state)}</StateWord>{' '}
      <span className="faint">
        {update.toVersion}
        {update.reason !== null && `: ${reasonWords(update.reason).short}`}
      </span>
    </>
  );
}
