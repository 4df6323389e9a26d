import { useEffect, useState } from 'react';
import type { CampaignCreateInput, CampaignPlan } from '@flotilla/contracts';
import { isNotFound, type ApiFailure } from '../api/api-failure.ts';
import { useHost } from '../host/host-context.tsx';
import { Notice } from '../ui/notice.tsx';
import type { FormTrouble, ReadForm } from './campaign-form.ts';
import { PlanView } from './plan-view.tsx';

interface ReviewStepProps {
  readonly read: ReadForm;
  /** The plan that was seen, so that the campaign is created as planned. */
  readonly onPlan: (plan: CampaignPlan | null) => void;
}

/** The dry run: what would happen, before anything does. */
export function ReviewStep({ read, onPlan }: ReviewStepProps) {
  if (!read.ok) return <Troubles troubles={read.troubles} />;
  return <DryRun campaign={read.campaign} onPlan={onPlan} />;
}

function Troubles({ troubles }: { readonly troubles: readonly FormTrouble[] }) {
  return (
    <div className="notice is-bad" role="alert">
      <p className="notice-title">Something is missing</p>
      <ul className="notice-detail">
        {troubles.map(({ detail }) => (
          <li key={detail}>{detail}</li>
        ))}
      </ul>
    </div>
  );
}

interface DryRunProps {
  readonly campaign: CampaignCreateInput;
  readonly onPlan: (plan: CampaignPlan | null) => void;
}

function DryRun({ campaign, onPlan }: DryRunProps) {
  const { api } = useHost();
  const [plan, setPlan] = useState<CampaignPlan | null>(null);
  const [failure, setFailure] = useState<ApiFailure | null>(null);
  const key = JSON.stringify(campaign);
  useEffect(() => {
    const controller = new AbortController();
    setPlan(null);
    setFailure(null);
    onPlan(null);
    api.dryRun(JSON.parse(key) as CampaignCreateInput, controller.signal).then(
      (answer) => {
        if (controller.signal.aborted) return;
        if (answer.ok) {
          setPlan(answer.value);
          onPlan(answer.value);
        } else setFailure(answer.failure);
      },
      () => undefined, // only an abort rejects
    );
    return () => controller.abort();
  }, [api, key, onPlan]);
  if (plan !== null) return <PlanView plan={plan} />;
  if (failure === null) return <p role="status">Trying it out…</p>;
  // A service without dry runs can still create the campaign.
  if (isNotFound(failure) && failure.detail.includes('dry-run')) {
    return <p className="faint">This service cannot try a campaign out beforehand.</p>;
  }
  return <Notice tone="bad" title={failure.title} detail={failure.detail} />;
}
