import { useCallback, useState } from 'react';
import type { CampaignPlan } from '@flotilla/contracts';
import type { ApiFailure } from '../api/api-failure.ts';
import { useHost } from '../host/host-context.tsx';
import { Link } from '../routing/link.tsx';
import { pathOf } from '../routing/routes.ts';
import { PageMain, useDocumentTitle } from '../shell/page-main.tsx';
import { Notice } from '../ui/notice.tsx';
import { STEPS, emptyForm, readForm, type CampaignForm, type Step } from './campaign-form.ts';
import { DevicesStep } from './devices-step.tsx';
import { FirmwareStep } from './firmware-step.tsx';
import { PhasesStep } from './phases-step.tsx';
import { ReviewStep } from './review-step.tsx';
import { ScheduleStep } from './schedule-step.tsx';

const STEP_WORDS: Readonly<Record<Step, string>> = {
  firmware: 'Firmware',
  devices: 'Devices',
  phases: 'Phases and limits',
  schedule: 'Schedule',
  review: 'Dry run',
};

/** A wizard whose steps may be visited in any order; the last tries the campaign out. */
export function NewCampaignPage() {
  useDocumentTitle('New campaign');
  const { host } = useHost();
  const [form, setForm] = useState(() =>
    emptyForm(Intl.DateTimeFormat().resolvedOptions().timeZone),
  );
  const [step, setStep] = useState<Step>('firmware');
  const onChange = useCallback(
    (change: Partial<CampaignForm>) => setForm((before) => ({ ...before, ...change })),
    [],
  );
  const at = STEPS.indexOf(step);
  const go = (by: number) => setStep(STEPS[at + by] ?? step);
  const read = readForm(form);
  const create = useCreation();
  if (!host.access.can('campaigns:write')) {
    return (
      <PageMain className="page">
        <Notice tone="neutral" title="Campaigns are created by operators" detail="You may look." />
      </PageMain>
    );
  }
  return (
    <PageMain className="page wizard">
      <div className="page-head">
        <nav aria-label="Breadcrumb" className="breadcrumb">
          <Link to={{ page: 'campaigns' }}>Campaigns</Link>
          <span aria-hidden="true">/</span>
        </nav>
        <div className="page-title">
          <h1 tabIndex={-1}>New campaign</h1>
        </div>
      </div>
      <StepList current={step} onGo={setStep} />
      <section className="panel wizard-step" aria-label={STEP_WORDS[step]}>
        <h2>{STEP_WORDS[step]}</h2>
        {step === 'firmware' && <FirmwareStep form={form} onChange={onChange} />}
        {step === 'devices' && <DevicesStep form={form} onChange={onChange} />}
        {step === 'phases' && <PhasesStep form={form} onChange={onChange} />}
        {step === 'schedule' && <ScheduleStep form={form} onChange={onChange} />}
        {step === 'review' && <ReviewStep read={read} onPlan={create.setPlan} />}
        {create.failure !== null && (
          <Notice tone="bad" title={create.failure.title} detail={create.failure.detail} />
        )}
        <div className="wizard-foot">
          <button type="button" disabled={at === 0} onClick={() => go(-1)}>
            Back
          </button>
          {step === 'review' ? (
            <button
              type="button"
              className="primary"
              disabled={!read.ok || create.busy}
              onClick={() => read.ok && create.start(read.campaign)}
            >
              {create.busy ? 'Creating…' : 'Create campaign'}
            </button>
          ) : (
            <button type="button" className="primary" onClick={() => go(1)}>
              Next
            </button>
          )}
        </div>
      </section>
    </PageMain>
  );
}

interface StepListProps {
  readonly current: Step;
  readonly onGo: (step: Step) => void;
}

function StepList({ current, onGo }: StepListProps) {
  return (
    <ol className="steps" aria-label="Steps">
      {STEPS.map((step, i) => (
        <li key={step}>
          <button
            type="button"
            aria-current={step === current ? 'step' : undefined}
            onClick={() => onGo(step)}
          >
            <span className="step-number" aria-hidden="true">
              {i + 1}
            </span>
            {STEP_WORDS[step]}
          </button>
        </li>
      ))}
    </ol>
  );
}

function useCreation() {
  const { api, host } = useHost();
  const [plan, setPlan] = useState<CampaignPlan | null>(null);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<ApiFailure | null>(null);
  const run = async (campaign: Parameters<typeof api.createCampaign>[0]) => {
    // With the plan's id the same devices fall into the same phases.
    const result = await api.createCampaign({ ...campaign, ...(plan !== null && { id: plan.id }) });
    setBusy(false);
    if (result.ok) host.navigation.go(pathOf({ page: 'campaign', id: result.value.id }));
    else setFailure(result.failure);
  };
  const start = (campaign: Parameters<typeof api.createCampaign>[0]) => {
    setBusy(true);
    setFailure(null);
    void run(campaign);
  };
  return { busy, failure, setPlan, start };
}
