import type { DeviceDetail } from '@flotilla/contracts';
import { usePoll } from '../api/use-poll.ts';
import { PageFrame } from '../shell/page-frame.tsx';
import { When } from '../ui/when.tsx';
import { HealthPanel } from './health-panel.tsx';
import { UpdateHistory } from './update-history.tsx';

export function DevicePage({ id }: { readonly id: string }) {
  const poll = usePoll(`device/${id}`, (api, signal) => api.device(id, signal));
  return (
    <PageFrame title={id} parent={{ title: 'Fleet', to: { page: 'fleet' } }} poll={poll}>
      {(device) => (
        <div className="columns">
          <div className="column">
            <HealthPanel health={device.health} />
            <Facts device={device} />
          </div>
          <div className="column is-wide">
            <UpdateHistory updates={device.updates} />
          </div>
        </div>
      )}
    </PageFrame>
  );
}

function Facts({ device }: { readonly device: DeviceDetail }) {
  return (
    <section className="panel" aria-labelledby="facts-title">
      <div className="panel-head">
        <h2 id="facts-title">Facts</h2>
      </div>
      <dl className="facts">
        <dt>Firmware</dt>
        <dd>{device.firmwareVersion ?? <span className="faint">none yet</span>}</dd>
        <dt>Model</dt>
        <dd>{device.model}</dd>
        <dt>Group</dt>
        <dd>{device.group}</dd>
        <dt>Lifecycle</dt>
        <dd>{device.lifecycle}</dd>
        <dt>Last seen</dt>
        <dd>
          {device.lastSeenAt === null ? (
            <span className="faint">never</span>
          ) : (
            <When at={device.lastSeenAt} />
          )}
        </dd>
        <dt>Registered</dt>
        <dd>
          <When at={device.createdAt} />
        </dd>
      </dl>
    </section>
  );
}
