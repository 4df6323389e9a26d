import { useState, type SubmitEvent } from 'react';
import type { ProvisioningRuleView } from '@flotilla/contracts';
import type { ProvisioningClient, RuleInput } from '../api/provisioning-client.ts';
import { ChangeFailure } from './change-failure.tsx';
import { useChange } from './use-change.ts';

interface RulesPanelProps {
  readonly rules: readonly ProvisioningRuleView[];
  readonly client: ProvisioningClient;
  readonly onChanged: () => Promise<void>;
}

/** What a new device gets: of the rules that fit, the one of the highest priority. */
export function RulesPanel({ rules, client, onChanged }: RulesPanelProps) {
  const change = useChange(onChanged);
  const ordered = [...rules].sort((a, b) => b.priority - a.priority);
  return (
    <section className="panel" aria-labelledby="rules-title">
      <div className="panel-head">
        <h2 id="rules-title">Rules for new devices</h2>
        <span className="panel-note">the first that fits decides</span>
      </div>
      {ordered.length === 0 ? (
        <p className="panel-text faint">None yet: new devices come into the group “default”.</p>
      ) : (
        <ul className="rows">
          {ordered.map((rule) => (
            <li key={rule.id}>
              <span>
                <strong>{rule.name}</strong> <span className="faint">{ruleWords(rule)}</span>
              </span>
              <button
                type="button"
                disabled={change.busy}
                aria-label={`Remove ${rule.name}`}
                onClick={() => void change.run(() => client.removeRule(rule.id))}
              >
                Remove
              </button>
            </li>
          ))}
        </ul>
      )}
      <AddRule busy={change.busy} onAdd={(rule) => change.run(() => client.addRule(rule))} />
      <ChangeFailure failure={change.failure} />
    </section>
  );
}

function ruleWords(rule: ProvisioningRuleView): string {
  const { model, serialPrefix, group, priority, firstFirmwareId } = rule;
  const labels = Object.entries(rule.labels).map(([key, value]) => `${key}=${value}`);
  const who = [
    model === undefined ? 'any model' : model,
    ...(serialPrefix === undefined ? [] : [`serial ${serialPrefix}…`]),
  ].join(', ');
  return [
    `${who} → group ${group}`,
    ...(labels.length > 0 ? [labels.join(' ')] : []),
    ...(firstFirmwareId === undefined ? [] : ['with a first firmware']),
    `priority ${priority}`,
  ].join(', ');
}

const EMPTY = { name: '', group: '', model: '', serialPrefix: '', priority: '0' };

interface AddRuleProps {
  readonly busy: boolean;
  readonly onAdd: (rule: RuleInput) => Promise<boolean>;
}

function AddRule({ busy, onAdd }: AddRuleProps) {
  const [form, setForm] = useState(EMPTY);
  const field = (name: keyof typeof EMPTY, label: string) => (
    <label>
      {label}
      <input
        value={form[name]}
        onChange={(event) => setForm({ ...form, [name]: event.target.value })}
      />
    </label>
  );
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const { name, group, model, serialPrefix, priority } = form;
    void onAdd({
      name: name.trim(),
      group: group.trim(),
      priority: Number(priority),
      ...(model.trim() !== '' && { model: model.trim() }),
      ...(serialPrefix.trim() !== '' && { serialPrefix: serialPrefix.trim() }),
    }).then((taken) => taken && setForm(EMPTY));
  };
  return (
    <form className="stacked-form is-grid" onSubmit={submit} noValidate>
      {field('name', 'Name')}
      {field('group', 'Group')}
      {field('model', 'Only this model')}
      {field('serialPrefix', 'Only serials that begin with')}
      {field('priority', 'Priority')}
      <button type="submit" disabled={busy || form.name.trim() === '' || form.group.trim() === ''}>
        Add rule
      </button>
    </form>
  );
}
