import type { CampaignPlan, LeftOutReason } from '@flotilla/contracts';
import { count, percent } from '../format/quantity.ts';
import { duration } from '../format/relative-time.ts';

export const LEFT_OUT_WORDS: Readonly<Record<LeftOutReason, string>> = {
  retired: 'retired',
  has_version: 'run it already',
  newer_version: 'run a newer version',
  incompatible: 'do not fit the firmware',
  rolled_back_before: 'rolled it back before',
  out_of_attempts: 'failed too often',
};

/** What a dry run found: who comes when, and who is left out and why. */
export function PlanView({ plan }: { readonly plan: CampaignPlan }) {
  return (
    <div className="plan">
      <p className="plan-total">
        <strong>{count(plan.totalDevices, 'device')}</strong> of {plan.model} would be offered{' '}
        {plan.version}.
        {plan.outsideTarget > 0 && (
          <span className="faint"> {count(plan.outsideTarget, 'other device')} not addressed.</span>
        )}
      </p>
      <ol className="plan-phases">
        {plan.phases.map((phase) => (
          <PlannedPhase key={phase.phase} phase={phase} />
        ))}
      </ol>
      {plan.leftOut.length > 0 && <LeftOut leftOut={plan.leftOut} />}
      {plan.overlaps.length > 0 && <Overlaps overlaps={plan.overlaps} />}
    </div>
  );
}

type Phase = CampaignPlan['phases'][number];

function PlannedPhase({ phase }: { readonly phase: Phase }) {
  const shown = phase.devices.slice(0, 5).map(({ deviceId }) => deviceId);
  const more = phase.totalDevices - shown.length;
  const waiting = phase.devices.filter(({ note }) => note !== null);
  return (
    <li className="panel plan-phase">
      <p className="plan-phase-head">
        <strong>{phase.phase === 1 ? 'Canary' : `Phase ${phase.phase}`}</strong>
        <span>
          {phase.phase === 1 ? '' : '+'}
          {count(phase.totalDevices, 'device')}
        </span>
        <span className="faint">up to {percent(phase.percent / 100)}</span>
      </p>
      <p className="faint">
        not before {new Date(phase.earliestStartAt).toLocaleString('en-GB')}
        {phase.soakMs > 0 && `, rests ${duration(phase.soakMs)}`}
        {phase.offersTakeMs > 0 && `, offers take ${duration(phase.offersTakeMs)} at least`}
      </p>
      <p className="plan-devices mono">
        {shown.join(' ')}
        {more > 0 && <span className="faint"> and {more} more</span>}
      </p>
      {waiting.slice(0, 3).map(({ deviceId, note }) => (
        <p key={deviceId} className="faint">
          {deviceId}: {note}
        </p>
      ))}
    </li>
  );
}

function LeftOut({ leftOut }: Pick<CampaignPlan, 'leftOut'>) {
  return (
    <section aria-labelledby="left-out-title">
      <h3 id="left-out-title">Left out</h3>
      <ul className="left-out">
        {leftOut.map(({ reason, totalDevices, devices }) => (
          <li key={reason}>
            <details>
              <summary>
                {count(totalDevices, 'device')}: {LEFT_OUT_WORDS[reason]}
              </summary>
              <ul>
                {devices.map(({ deviceId, detail }) => (
                  <li key={deviceId}>
                    <span className="mono">{deviceId}</span> <span className="faint">{detail}</span>
                  </li>
                ))}
              </ul>
            </details>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Overlaps({ overlaps }: Pick<CampaignPlan, 'overlaps'>) {
  return (
    <section aria-labelledby="overlaps-title">
      <h3 id="overlaps-title">Other campaigns want some of them</h3>
      <ul className="left-out">
        {overlaps.map(({ campaignId, name, totalDevices, goesFirst }) => (
          <li key={campaignId}>
            {name}: {count(totalDevices, 'device')},{' '}
            {goesFirst ? 'and it goes first' : 'and this one goes first'}
          </li>
        ))}
      </ul>
    </section>
  );
}
