import { useEffect, useRef, useState, type SubmitEvent } from 'react';
import type { CampaignView } from '@flotilla/contracts';
import type { ApiFailure } from '../api/api-failure.ts';
import type { CampaignActionName } from '../api/client.ts';
import { useHost } from '../host/host-context.tsx';
import { ACTION_WORDS } from './campaign-words.ts';

interface ActionDialogProps {
  readonly action: CampaignActionName;
  readonly campaign: CampaignView;
  readonly onClose: () => void;
  /** Called after the service took the action, before the dialog closes. */
  readonly onDone: () => Promise<void>;
}

const MAX_REASON_LENGTH = 500;

/**
 * Asks for the reason that the audit log keeps. A modal <dialog>: the browser holds the focus
 * inside, closes on Escape and gives the focus back to the button that opened it.
 */
export function ActionDialog({ action, campaign, onClose, onDone }: ActionDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const { reason, setReason, missing, busy, failure, submit } = useAction({
    action,
    campaignId: campaign.id,
    onDone,
    close: () => dialog.current?.close(),
  });
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  const words = ACTION_WORDS[action];
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby="dialog-title"
      aria-describedby="dialog-text"
      onClose={onClose}
    >
      <form onSubmit={submit} noValidate>
        <h2 id="dialog-title">
          {words.verb} “{campaign.name}”?
        </h2>
        <p id="dialog-text">{words.consequence}</p>
        <label htmlFor="reason">Reason, kept in the audit log</label>
        <textarea
          id="reason"
          rows={3}
          maxLength={MAX_REASON_LENGTH}
          autoFocus
          required
          value={reason}
          onChange={(event) => setReason(event.target.value)}
          aria-invalid={missing}
          aria-describedby="reason-trouble"
        />
        <p className="field-trouble" id="reason-trouble" role="alert">
          {missing && 'Say why, in a few words.'}
        </p>
        {failure !== null && (
          <div className="notice is-bad" role="alert">
            <p className="notice-title">{failure.title}</p>
            <p className="notice-detail">{failure.detail}</p>
          </div>
        )}
        <div className="dialog-actions">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button
            type="submit"
            className={action === 'abort' ? 'danger-filled' : 'primary'}
            disabled={busy}
          >
            {busy ? 'Sending…' : `${words.verb} campaign`}
          </button>
        </div>
      </form>
    </dialog>
  );
}

interface UseActionOptions {
  readonly action: CampaignActionName;
  readonly campaignId: string;
  readonly onDone: () => Promise<void>;
  readonly close: () => void;
}

function useAction({ action, campaignId, onDone, close }: UseActionOptions) {
  const { api } = useHost();
  const [reason, setReason] = useState('');
  const [missing, setMissing] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<ApiFailure | null>(null);
  const send = async () => {
    const result = await api.act(campaignId, action, reason.trim());
    // The page shows what is true now, whether the action was taken or refused.
    await onDone();
    setBusy(false);
    if (result.ok) close();
    else setFailure(result.failure);
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    setMissing(reason.trim() === '');
    if (reason.trim() === '' || busy) return;
    setBusy(true);
    setFailure(null);
    void send();
  };
  return { reason, setReason, missing, busy, failure, submit };
}
