import { WEEKDAYS, type Weekday } from '@flotilla/contracts';
import { CheckField, TextField, type StepProps } from './form-fields.tsx';

const DAY_WORDS: Readonly<Record<Weekday, string>> = {
  mon: 'Mon',
  tue: 'Tue',
  wed: 'Wed',
  thu: 'Thu',
  fri: 'Fri',
  sat: 'Sat',
  sun: 'Sun',
};

/** When, how fast, and whether somebody else must agree. */
export function ScheduleStep(props: StepProps) {
  const { form } = props;
  return (
    <>
      <div className="field-row">
        <TextField
          {...props}
          name="startAt"
          type="datetime-local"
          label="Starts"
          hint="Empty: at once."
        />
        <TextField
          {...props}
          name="endAt"
          type="datetime-local"
          label="Ends at the latest"
          hint="What is unfinished then is given up."
        />
      </div>
      <CheckField
        {...props}
        name="hasWindow"
        label="Only in a maintenance window"
        hint="By the clock on each device’s wall."
      />
      {form.hasWindow && <WindowFields {...props} />}
      <div className="field-row">
        <TextField
          {...props}
          name="devicesPerMinute"
          type="number"
          unit="devices a minute"
          label="At most"
          placeholder="no limit"
        />
        <TextField
          {...props}
          name="concurrentDownloads"
          type="number"
          unit="at a time"
          label="Downloads"
          placeholder="no limit"
        />
      </div>
      <div className="field-row">
        <TextField
          {...props}
          name="priority"
          type="number"
          label="Priority"
          hint="Where campaigns overlap on a device the higher one has it."
        />
        <CheckField
          {...props}
          name="needsApproval"
          label="Another operator must approve"
          hint="Nothing is offered before."
        />
      </div>
    </>
  );
}

function WindowFields(props: StepProps) {
  const { form, onChange } = props;
  const toggle = (day: Weekday) => {
    const has = form.windowDays.includes(day);
    const windowDays = WEEKDAYS.filter((known) =>
      known === day ? !has : form.windowDays.includes(known),
    );
    onChange({ windowDays });
  };
  return (
    <fieldset className="window-fields">
      <legend>Window</legend>
      <div className="field-row is-three">
        <TextField {...props} name="windowFrom" type="time" label="From" />
        <TextField {...props} name="windowTo" type="time" label="To" />
        <TextField
          {...props}
          name="timeZone"
          label="Time zone"
          hint="Of devices without a label timezone."
        />
      </div>
      <div className="switch" role="group" aria-label="Days">
        {WEEKDAYS.map((day) => (
          <button
            key={day}
            type="button"
            aria-pressed={form.windowDays.length === 0 || form.windowDays.includes(day)}
            onClick={() => toggle(day)}
          >
            {DAY_WORDS[day]}
          </button>
        ))}
      </div>
    </fieldset>
  );
}
