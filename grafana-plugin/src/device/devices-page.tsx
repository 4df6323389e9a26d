import { useState } from 'react';
import { LIFECYCLE_STATES, type LifecycleState } from '@flotilla/contracts';
import type { ApiResult } from '../api/api-failure.ts';
import type { ApiClient, DevicePage } from '../api/client.ts';
import { usePoll } from '../api/use-poll.ts';
import { useHost } from '../host/host-context.tsx';
import type { DeviceFilter } from '../routing/routes.ts';
import { PageFrame, focusTitleIfLost } from '../shell/page-frame.tsx';
import { HEALTH_WORD } from '../ui/tones.ts';
import { useDebounced } from '../ui/use-debounced.ts';
import { BulkBar } from './bulk-bar.tsx';
import { DeviceTable } from './device-table.tsx';
import { STATUSES_WORST_FIRST } from './health-order.ts';
import { usePaging } from './use-paging.ts';
import { useSelection } from './use-selection.ts';

const PAGE_SIZE = 100;
const TYPING_MS = 250;

interface Filter extends DeviceFilter {
  readonly q: string;
  readonly lifecycle?: LifecycleState | undefined;
}

/** Every device of a fleet of any size, searched and paged by the service. */
export function DevicesPage({ filter: given }: { readonly filter: DeviceFilter }) {
  const { access } = useHost().host;
  const [filter, setFilter] = useState<Filter>({ q: '', ...given });
  const asked = useDebounced(filter, TYPING_MS);
  const key = JSON.stringify(asked);
  const paging = usePaging(key);
  const poll = usePoll(`devices/${key}/${paging.cursor}`, (api, signal) =>
    loadPage(api, asked, paging.cursor, signal),
  );
  const shown = poll.data?.items ?? [];
  const selection = useSelection(shown, `${key}/${paging.cursor}`);
  const canChange = access.can('devices:write');
  return (
    <PageFrame
      title="Devices"
      poll={poll}
      keepsFrame={<Filters value={filter} onChange={setFilter} />}
    >
      {({ items, nextCursor }) => (
        <section className="panel" aria-labelledby="devices-title">
          <div className="panel-head">
            <h2 id="devices-title" className="visually-hidden">
              Devices
            </h2>
            <span className="panel-note" role="status">
              {asked.status === undefined ? 'by id' : 'worst first'}
              {(nextCursor !== null || paging.page > 1) && `, page ${paging.page}`}
            </span>
          </div>
          {canChange && (
            <BulkBar
              ids={[...selection.ids]}
              onDone={async () => {
                selection.clear();
                await poll.refresh();
                focusTitleIfLost();
              }}
            />
          )}
          {items.length > 0 ? (
            <DeviceTable
              devices={items}
              labelledBy="devices-title"
              selection={canChange ? selection : undefined}
            />
          ) : (
            <NoMatch onClear={() => setFilter({ q: '' })} />
          )}
          <Pages paging={paging} nextCursor={nextCursor} />
        </section>
      )}
    </PageFrame>
  );
}

async function loadPage(
  api: ApiClient,
  { q, group, lifecycle, status }: Filter,
  cursor: string,
  signal: AbortSignal,
): Promise<ApiResult<DevicePage>> {
  if (status === undefined) {
    const query = { q: q.trim(), group, lifecycle, cursor, limit: PAGE_SIZE };
    return api.devices(query, signal);
  }
  // Ranked by the warehouse, which knows nothing of the registry's fields.
  const offset = Number(cursor === '' ? 0 : cursor);
  const result = await api.devicesOfStatus({ status, limit: PAGE_SIZE, offset }, signal);
  if (!result.ok) return result;
  const { items } = result.value;
  const more = items.length === PAGE_SIZE ? String(offset + PAGE_SIZE) : null;
  return { ok: true, value: { items, nextCursor: more } };
}

interface FiltersProps {
  readonly value: Filter;
  readonly onChange: (value: Filter) => void;
}

function Filters({ value, onChange }: FiltersProps) {
  const byHealth = value.status !== undefined;
  return (
    <form className="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <input
        type="search"
        aria-label="Search by device id"
        placeholder="Search by device id…"
        value={value.q}
        maxLength={64}
        disabled={byHealth}
        onChange={(event) => onChange({ ...value, q: event.target.value })}
      />
      <input
        type="search"
        aria-label="Group"
        placeholder="Group"
        value={value.group ?? ''}
        disabled={byHealth}
        onChange={(event) => onChange({ ...value, group: event.target.value.trim() || undefined })}
      />
      <select
        aria-label="Lifecycle"
        value={value.lifecycle ?? ''}
        disabled={byHealth}
        onChange={(event) => {
          const lifecycle = LIFECYCLE_STATES.find((state) => state === event.target.value);
          onChange({ ...value, lifecycle });
        }}
      >
        <option value="">Any lifecycle</option>
        {LIFECYCLE_STATES.map((state) => (
          <option key={state} value={state}>
            {state}
          </option>
        ))}
      </select>
      <select
        aria-label="Health"
        value={value.status ?? ''}
        onChange={(event) => {
          const status = STATUSES_WORST_FIRST.find((known) => known === event.target.value);
          // One or the other: health is ranked over the whole fleet.
          onChange(status === undefined ? { q: '' } : { q: '', status });
        }}
      >
        <option value="">Any health</option>
        {STATUSES_WORST_FIRST.map((status) => (
          <option key={status} value={status}>
            {HEALTH_WORD[status]}
          </option>
        ))}
      </select>
    </form>
  );
}

function NoMatch({ onClear }: { readonly onClear: () => void }) {
  return (
    <div className="panel-empty">
      <p>No device matches.</p>
      <button type="button" onClick={onClear}>
        Clear the filter
      </button>
    </div>
  );
}

interface PagesProps {
  readonly paging: ReturnType<typeof usePaging>;
  readonly nextCursor: string | null;
}

function Pages({ paging, nextCursor }: PagesProps) {
  if (nextCursor === null && paging.page === 1) return null;
  return (
    <nav className="panel-foot" aria-label="Pages">
      <button type="button" disabled={paging.page === 1} onClick={paging.back}>
        Previous
      </button>
      <button
        type="button"
        disabled={nextCursor === null}
        onClick={() => nextCursor !== null && paging.next(nextCursor)}
      >
        Next
      </button>
    </nav>
  );
}
