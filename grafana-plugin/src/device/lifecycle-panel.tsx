import { useState } from 'react';
import type { DecommissionView, DeviceLifecycle } from '@flotilla/contracts';
import { isNotFound } from '../api/api-failure.ts';
import { usePoll } from '../api/use-poll.ts';
import { useHost } from '../host/host-context.tsx';
import { ReasonDialog } from '../ui/reason-dialog.tsx';
import { PanelState } from '../ui/panel-state.tsx';
import { When } from '../ui/when.tsx';
import {
  ACTOR_WORDS,
  LIFECYCLE_CHANGES,
  LIFECYCLE_WORDS,
  STATE_WORDS,
  type LifecycleTarget,
} from './lifecycle-words.ts';

interface LifecyclePanelProps {
  readonly id: string;
  readonly onChanged: () => Promise<void>;
}

/** Where the device is in its life, how it came there, and where it may go. */
export function LifecyclePanel({ id, onChanged }: LifecyclePanelProps) {
  const { api, host } = useHost();
  const poll = usePoll(`lifecycle/${id}`, (client, signal) => client.deviceLifecycle(id, signal), {
    intervalMs: 5000,
  });
  const [asking, setAsking] = useState<LifecycleTarget | null>(null);
  // A service that keeps no such record has nothing to show here.
  if (poll.failure !== null && isNotFound(poll.failure)) return null;
  const words = asking === null ? null : LIFECYCLE_WORDS[asking];
  return (
    <section className="panel" aria-labelledby="lifecycle-title">
      <div className="panel-head">
        <h2 id="lifecycle-title">Lifecycle</h2>
      </div>
      <PanelState poll={poll}>
        {(lifecycle) => (
          <>
            {host.access.can('devices:write') && (
              <Changes lifecycle={lifecycle} onAsk={setAsking} />
            )}
            {lifecycle.decommission !== null && <Decommission view={lifecycle.decommission} />}
            <History lifecycle={lifecycle} />
          </>
        )}
      </PanelState>
      {asking !== null && words !== null && (
        <ReasonDialog
          title={`${words.verb} ${id}?`}
          text={words.consequence}
          verb={words.verb}
          danger={asking === 'retired'}
          send={(reason) => api.changeLifecycle(id, { to: asking, reason })}
          onClose={() => setAsking(null)}
          onAnswer={async () => {
            await Promise.all([poll.refresh(), onChanged()]);
          }}
        />
      )}
    </section>
  );
}

interface ChangesProps {
  readonly lifecycle: DeviceLifecycle;
  readonly onAsk: (target: LifecycleTarget) => void;
}

function Changes({ lifecycle, onAsk }: ChangesProps) {
  const possible = LIFECYCLE_CHANGES.filter((target) => lifecycle.next.includes(target));
  if (possible.length === 0) return null;
  return (
    <div className="lifecycle-changes" role="group" aria-label="Change the lifecycle">
      {possible.map((target) => (
        <button
          key={target}
          type="button"
          className={target === 'retired' ? 'danger' : ''}
          onClick={() => onAsk(target)}
        >
          {LIFECYCLE_WORDS[target].verb}…
        </button>
      ))}
    </div>
  );
}

function History({ lifecycle }: { readonly lifecycle: DeviceLifecycle }) {
  return (
    <ol className="audit">
      {lifecycle.items.map((entry) => (
        <li key={entry.seq}>
          <span className="audit-when">
            <When at={entry.at} />
          </span>
          <div>
            <p className="audit-head">
              <strong>{STATE_WORDS[entry.to]}</strong>{' '}
              <span className="faint">by {ACTOR_WORDS[entry.actor]}</span>
            </p>
            {entry.reason !== '' && <p className="audit-reason">{entry.reason}</p>}
          </div>
        </li>
      ))}
    </ol>
  );
}

const STEP_WORDS = {
  drain: 'handing in its telemetry',
  revoke: 'revoking its credentials',
  remove_credentials: 'removing its credentials',
  wipe: 'waiting for the wipe',
  settle_data: 'settling its data',
  done: 'done',
} as const;

const WIPE_WORDS = {
  acknowledged: 'the device has said that it wiped itself',
  timed_out: 'the device has not answered in time',
  not_asked: 'no wipe was asked for',
} as const;

function Decommission({ view }: { readonly view: DecommissionView }) {
  return (
    <p className="panel-text">
      Decommissioning: {STEP_WORDS[view.step]}
      {view.wipe !== null && `; ${WIPE_WORDS[view.wipe]}`}.
      {view.lastError !== null && <span className="faint"> Last try: {view.lastError}</span>}
    </p>
  );
}
