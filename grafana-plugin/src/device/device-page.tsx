import type { DeviceDetail, WithheldOffer } from '@flotilla/contracts';
import { usePoll } from '../api/use-poll.ts';
import { PageFrame } from '../shell/page-frame.tsx';
import { When } from '../ui/when.tsx';
import { HealthPanel } from './health-panel.tsx';
import { LabelsPanel } from './labels-panel.tsx';
import { LifecyclePanel } from './lifecycle-panel.tsx';
import { STATE_WORDS } from './lifecycle-words.ts';
import { LogsPanel } from './logs-panel.tsx';
import { ResourcesPanel } from './resources-panel.tsx';
import { UpdateHistory } from './update-history.tsx';

export function DevicePage({ id }: { readonly id: string }) {
  const poll = usePoll(`device/${id}`, (api, signal) => api.device(id, signal));
  return (
    <PageFrame title={id} parent={{ title: 'Devices', to: { page: 'devices' } }} poll={poll}>
      {(device) => (
        <div className="columns">
          <div className="column">
            <HealthPanel health={device.health} />
            <Facts device={device} />
            <LabelsPanel id={id} />
            <LifecyclePanel id={id} onChanged={poll.refresh} />
          </div>
          <div className="column is-wide">
            {device.withheld !== null && <Withheld offer={device.withheld} />}
            <ResourcesPanel id={id} />
            <UpdateHistory updates={device.updates} />
            <LogsPanel id={id} />
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
        <dd>{STATE_WORDS[device.lifecycle]}</dd>
        {device.hardwareRevision !== null && (
          <>
            <dt>Hardware</dt>
            <dd>{device.hardwareRevision}</dd>
          </>
        )}
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

/** A campaign has a version for it and the registry's rules hold it back. */
function Withheld({ offer }: { readonly offer: WithheldOffer }) {
  return (
    <div className="notice is-neutral">
      <p className="notice-title">{offer.version} is held back from this device</p>
      <p className="notice-detail">
        {offer.detail}, since <When at={offer.since} />
      </p>
    </div>
  );
}
