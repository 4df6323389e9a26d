import type { CampaignActionName, CampaignView } from '@flotilla/contracts';
import { useHost } from '../host/host-context.tsx';
import { ReasonDialog } from '../ui/reason-dialog.tsx';
import { ACTION_WORDS, isDangerous } from './campaign-words.ts';

interface ActionDialogProps {
  readonly action: CampaignActionName;
  readonly campaign: CampaignView;
  readonly onClose: () => void;
  readonly onAnswer: () => Promise<void>;
}

/** Says what an action does before it is done, and asks why. */
export function ActionDialog({ action, campaign, onClose, onAnswer }: ActionDialogProps) {
  const { api } = useHost();
  const { verb, consequence } = ACTION_WORDS[action];
  return (
    <ReasonDialog
      title={`${verb} “${campaign.name}”?`}
      text={consequence}
      verb={action === 'skip-phase' || action === 'retry' ? verb : `${verb} campaign`}
      danger={isDangerous(action)}
      send={(reason) => api.act(campaign.id, action, reason)}
      onClose={onClose}
      onAnswer={onAnswer}
    />
  );
}
