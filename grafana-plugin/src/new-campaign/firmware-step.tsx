import type { FirmwareView } from '@flotilla/contracts';
import { usePoll } from '../api/use-poll.ts';
import { Link } from '../routing/link.tsx';
import { PanelState } from '../ui/panel-state.tsx';
import { When } from '../ui/when.tsx';
import { byModel } from '../firmware/firmware-order.ts';
import { withFirmware } from './campaign-form.ts';
import { TextField, type StepProps } from './form-fields.tsx';

/** Which released version, and what the campaign is called. */
export function FirmwareStep({ form, onChange }: StepProps) {
  const poll = usePoll('wizard/firmware', (api, signal) => api.firmware(signal));
  return (
    <PanelState poll={poll}>
      {({ items }) => {
        const released = items.filter(({ state }) => state === 'released');
        if (released.length === 0) {
          return (
            <p>
              No version is released yet. <Link to={{ page: 'firmware' }}>Firmware</Link> says what
              each one waits for.
            </p>
          );
        }
        return (
          <>
            <fieldset className="choices">
              <legend>Version</legend>
              {byModel(released).flatMap(({ versions }) =>
                versions.map((firmware) => (
                  <Choice
                    key={firmware.id}
                    firmware={firmware}
                    checked={firmware.id === form.firmwareId}
                    onChoose={() => onChange(withFirmware(form, firmware))}
                  />
                )),
              )}
            </fieldset>
            <TextField form={form} onChange={onChange} name="name" label="Name of the campaign" />
          </>
        );
      }}
    </PanelState>
  );
}

interface ChoiceProps {
  readonly firmware: FirmwareView;
  readonly checked: boolean;
  readonly onChoose: () => void;
}

function Choice({ firmware, checked, onChoose }: ChoiceProps) {
  return (
    <label className="choice">
      <input type="radio" name="firmware" checked={checked} onChange={onChoose} />
      <span>
        <strong>
          {firmware.model} {firmware.version}
        </strong>
        <span className="faint">
          released <When at={firmware.releasedAt ?? firmware.createdAt} />
          {firmware.minimumVersion !== null && `, needs ${firmware.minimumVersion} first`}
        </span>
      </span>
    </label>
  );
}
