import { useState, type SubmitEvent } from 'react';
import { labelKeySchema, labelValueSchema, type Labels } from '@flotilla/contracts';
import { isNotFound, type ApiFailure } from '../api/api-failure.ts';
import { usePoll } from '../api/use-poll.ts';
import { useHost } from '../host/host-context.tsx';
import { PanelState } from '../ui/panel-state.tsx';

/** Key and value pairs that campaigns select devices by. */
export function LabelsPanel({ id }: { readonly id: string }) {
  const { api, host } = useHost();
  const poll = usePoll(`labels/${id}`, (client, signal) => client.deviceLabels(id, signal), {
    intervalMs: 10_000,
  });
  const [failure, setFailure] = useState<ApiFailure | null>(null);
  if (poll.failure !== null && isNotFound(poll.failure)) return null;
  const canChange = host.access.can('devices:write');
  const save = async (labels: Labels) => {
    const answer = await api.setLabels(id, labels);
    setFailure(answer.ok ? null : answer.failure);
    await poll.refresh();
  };
  return (
    <section className="panel" aria-labelledby="labels-title">
      <div className="panel-head">
        <h2 id="labels-title">Labels</h2>
      </div>
      <PanelState poll={poll}>
        {({ labels }) => (
          <>
            <LabelList
              labels={labels}
              onRemove={
                canChange
                  ? (key) => {
                      const kept = Object.entries(labels).filter(([other]) => other !== key);
                      void save(Object.fromEntries(kept));
                    }
                  : undefined
              }
            />
            {canChange && <AddLabel onAdd={(key, value) => save({ ...labels, [key]: value })} />}
            {failure !== null && (
              <p className="field-trouble" role="alert">
                {failure.title} {failure.detail}
              </p>
            )}
          </>
        )}
      </PanelState>
    </section>
  );
}

interface LabelListProps {
  readonly labels: Labels;
  readonly onRemove: ((key: string) => void) | undefined;
}

function LabelList({ labels, onRemove }: LabelListProps) {
  const entries = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return <p className="panel-text faint">No label yet.</p>;
  return (
    <ul className="labels">
      {entries.map(([key, value]) => (
        <li key={key} className="label">
          <span className="mono">
            {key}={value}
          </span>
          {onRemove !== undefined && (
            <button type="button" aria-label={`Remove ${key}`} onClick={() => onRemove(key)}>
              ×
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

function AddLabel({ onAdd }: { readonly onAdd: (key: string, value: string) => Promise<void> }) {
  const [text, setText] = useState('');
  const [trouble, setTrouble] = useState<string | null>(null);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const [key = '', value = ''] = text.trim().split(/=(.*)/s, 2);
    const checkedKey = labelKeySchema.safeParse(key);
    const checkedValue = labelValueSchema.safeParse(value);
    const issue = checkedKey.error?.issues[0] ?? checkedValue.error?.issues[0];
    setTrouble(issue === undefined ? null : `The label ${issue.message}.`);
    if (issue !== undefined) return;
    void onAdd(key, value);
    setText('');
  };
  return (
    <form className="label-form" onSubmit={submit} noValidate>
      <input
        aria-label="New label"
        placeholder="site=berlin"
        value={text}
        onChange={(event) => setText(event.target.value)}
        aria-invalid={trouble !== null}
        aria-describedby="label-trouble"
      />
      <button type="submit" disabled={text.trim() === ''}>
        Add
      </button>
      <p className="field-trouble" id="label-trouble" role="alert">
        {trouble}
      </p>
    </form>
  );
}
