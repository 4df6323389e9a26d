import { useId, type ReactNode } from 'react';
import type { CampaignForm } from './campaign-form.ts';

export interface StepProps {
  readonly form: CampaignForm;
  readonly onChange: (change: Partial<CampaignForm>) => void;
}

interface FieldProps {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly children: (ids: { id: string; 'aria-describedby': string | undefined }) => ReactNode;
}

/** A label, its control, and what to know about it. */
export function Field({ label, hint, children }: FieldProps) {
  const id = useId();
  const hintId = `${id}-hint`;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, 'aria-describedby': hint === undefined ? undefined : hintId })}
      {hint !== undefined && (
        <p className="field-hint" id={hintId}>
          {hint}
        </p>
      )}
    </div>
  );
}

type TextName = {
  [Name in keyof CampaignForm]: CampaignForm[Name] extends string ? Name : never;
}[keyof CampaignForm];

interface TextFieldProps extends StepProps {
  readonly label: string;
  readonly name: TextName;
  readonly hint?: ReactNode;
  readonly placeholder?: string;
  readonly type?: 'text' | 'number' | 'datetime-local' | 'time';
  readonly unit?: string;
}

export function TextField(props: TextFieldProps) {
  const { form, onChange, label, name, hint, placeholder, type = 'text', unit } = props;
  return (
    <Field label={label} hint={hint}>
      {(ids) => (
        <span className={unit === undefined ? 'with-unit is-bare' : 'with-unit'}>
          <input
            {...ids}
            type={type}
            inputMode={type === 'number' ? 'decimal' : undefined}
            step={type === 'number' ? 'any' : undefined}
            placeholder={placeholder}
            value={form[name]}
            onChange={(event) => onChange({ [name]: event.target.value })}
          />
          {unit !== undefined && <span className="unit">{unit}</span>}
        </span>
      )}
    </Field>
  );
}

type FlagName = {
  [Name in keyof CampaignForm]: CampaignForm[Name] extends boolean ? Name : never;
}[keyof CampaignForm];

interface CheckFieldProps extends StepProps {
  readonly label: string;
  readonly name: FlagName;
  readonly hint?: string;
}

export function CheckField({ form, onChange, label, name, hint }: CheckFieldProps) {
  return (
    <div className="field is-check">
      <label>
        <input
          type="checkbox"
          checked={form[name]}
          onChange={(event) => onChange({ [name]: event.target.checked })}
        />
        {label}
      </label>
      {hint !== undefined && <p className="field-hint">{hint}</p>}
    </div>
  );
}
