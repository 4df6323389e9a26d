import { CheckField, TextField, type StepProps } from './form-fields.tsx';

/** Which devices of the firmware's model. */
export function DevicesStep(props: StepProps) {
  return (
    <>
      <p className="faint">Every device of the model, unless it is narrowed here.</p>
      <TextField
        {...props}
        name="groups"
        label="Groups"
        placeholder="berlin, lisbon"
        hint="One or more, separated by commas."
      />
      <TextField
        {...props}
        name="selector"
        label="Labels"
        placeholder="site=berlin,ring in (a,b),!legacy"
        hint="A selector as in Kubernetes: key=value, key!=value, key in (a,b), key, !key."
      />
      <TextField
        {...props}
        name="versions"
        label="Only devices that run"
        placeholder="1.0.0, 1.1.0"
      />
      <CheckField
        {...props}
        name="dynamic"
        label="Devices that come to fit later join"
        hint="Otherwise only those that fit when the campaign is created."
      />
      <CheckField {...props} name="includeMaintenance" label="Include devices in maintenance" />
    </>
  );
}
