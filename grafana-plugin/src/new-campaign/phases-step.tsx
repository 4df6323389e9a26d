import type { CampaignForm, PhaseForm } from './campaign-form.ts';
import { TextField, type StepProps } from './form-fields.tsx';

const MAX_PHASES = 20;

/** From the canary to everybody, and when it stops by itself. */
export function PhasesStep(props: StepProps) {
  const { form, onChange } = props;
  const change = (phases: readonly PhaseForm[]) => onChange({ phases });
  return (
    <>
      <fieldset className="phase-fields">
        <legend>Phases</legend>
        {form.phases.map((phase, i) => (
          <PhaseFields
            key={i}
            index={i}
            phase={phase}
            canRemove={form.phases.length > 1}
            onChange={(next) => change(form.phases.map((old, k) => (k === i ? next : old)))}
            onRemove={() => change(form.phases.filter((_, k) => k !== i))}
          />
        ))}
        <button
          type="button"
          disabled={form.phases.length >= MAX_PHASES}
          onClick={() => change(withPhase(form))}
        >
          Add a phase
        </button>
        <p className="field-hint">
          Each is how much of the fleet has come up by its end; the last is 100 %.
        </p>
      </fieldset>
      <div className="field-row">
        <TextField
          {...props}
          name="errorPercent"
          type="number"
          unit="%"
          label="Error limit"
          hint="More failures than this pause the campaign."
        />
        <TextField
          {...props}
          name="minSample"
          type="number"
          unit="devices"
          label="Judge from"
          placeholder="automatic"
          hint="Empty: as soon as the failures are more than chance explains."
        />
      </div>
      <div className="field-row">
        <TextField
          {...props}
          name="soakMinutes"
          type="number"
          unit="min"
          label="Rest after each phase"
        />
        <TextField
          {...props}
          name="deadlineMinutes"
          type="number"
          unit="min"
          label="Silent after"
          hint="A device that started and has not finished counts as failed then."
        />
      </div>
    </>
  );
}

/** Before the last one: that stays 100 %. */
function withPhase({ phases }: CampaignForm): readonly PhaseForm[] {
  const added: PhaseForm = { unit: 'percent', amount: '50', soakMinutes: '' };
  return [...phases.slice(0, -1), added, ...phases.slice(-1)];
}

interface PhaseFieldsProps {
  readonly index: number;
  readonly phase: PhaseForm;
  readonly canRemove: boolean;
  readonly onChange: (phase: PhaseForm) => void;
  readonly onRemove: () => void;
}

function PhaseFields({ index, phase, canRemove, onChange, onRemove }: PhaseFieldsProps) {
  const name = `Phase ${index + 1}`;
  return (
    <div className="phase-field" role="group" aria-label={name}>
      <span className="phase-number">{index === 0 ? 'Canary' : name}</span>
      <input
        type="number"
        step="any"
        aria-label={`${name}, how many`}
        value={phase.amount}
        onChange={(event) => onChange({ ...phase, amount: event.target.value })}
      />
      <select
        aria-label={`${name}, unit`}
        value={phase.unit}
        onChange={(event) =>
          onChange({ ...phase, unit: event.target.value === 'count' ? 'count' : 'percent' })
        }
      >
        <option value="percent">%</option>
        <option value="count">devices</option>
      </select>
      <input
        type="number"
        step="any"
        aria-label={`${name}, rest in minutes`}
        placeholder="rest, min"
        value={phase.soakMinutes}
        onChange={(event) => onChange({ ...phase, soakMinutes: event.target.value })}
      />
      <button type="button" disabled={!canRemove} aria-label={`Remove ${name}`} onClick={onRemove}>
        ×
      </button>
    </div>
  );
}
