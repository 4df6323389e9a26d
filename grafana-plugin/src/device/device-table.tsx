import type { DeviceView, UpdateRecord } from '@flotilla/contracts';
import { Link } from '../routing/link.tsx';
import { HealthMeter } from '../ui/health-meter.tsx';
import { StateWord } from '../ui/state-word.tsx';
import { UPDATE_TONE } from '../ui/tones.ts';
import { When } from '../ui/when.tsx';
import { reasonWords, updateStateWord } from './update-words.ts';

export interface Selection {
  readonly ids: ReadonlySet<string>;
  readonly toggle: (id: string) => void;
  readonly toggleAll: () => void;
}

interface DeviceTableProps {
  readonly devices: readonly DeviceView[];
  readonly labelledBy: string;
  /** With it each row has a box to tick. */
  readonly selection?: Selection | undefined;
}

const COLUMNS = ['Device', 'Model', 'Group', 'Firmware', 'Health', 'Last seen', 'Last update'];

/**
 * On a narrow screen each row becomes a card; the explicit roles keep it a table for assistive
 * technology, which `display: grid` would otherwise take away.
 */
export function DeviceTable({ devices, labelledBy, selection }: DeviceTableProps) {
  const all = devices.length > 0 && devices.every(({ id }) => selection?.ids.has(id) === true);
  return (
    <table
      className={selection === undefined ? 'table device-table' : 'table device-table can-select'}
      role="table"
      aria-labelledby={labelledBy}
    >
      <thead role="rowgroup">
        <tr role="row">
          {selection !== undefined && (
            <th role="columnheader" className="cell-select">
              <input
                type="checkbox"
                aria-label="Select every device of this page"
                checked={all}
                onChange={selection.toggleAll}
              />
            </th>
          )}
          {COLUMNS.map((column) => (
            <th key={column} scope="col" role="columnheader">
              {column}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {devices.map((device) => (
          <DeviceRow key={device.id} device={device} selection={selection} />
        ))}
      </tbody>
    </table>
  );
}

interface DeviceRowProps {
  readonly device: DeviceView;
  readonly selection: Selection | undefined;
}

function DeviceRow({ device, selection }: DeviceRowProps) {
  return (
    <tr role="row">
      {selection !== undefined && (
        <td role="cell" className="cell-select">
          <input
            type="checkbox"
            aria-label={`Select ${device.id}`}
            checked={selection.ids.has(device.id)}
            onChange={() => selection.toggle(device.id)}
          />
        </td>
      )}
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
