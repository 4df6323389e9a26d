import { useEffect, useRef, useState, type ReactNode, type SubmitEvent } from 'react';
import type { ApiFailure, ApiResult } from '../api/api-failure.ts';

interface ReasonDialogProps {
  readonly title: string;
  readonly text: string;
  /** On the button that does it. */
  readonly verb: string;
  readonly danger?: boolean;
  /** Further fields, between the text and the reason. */
  readonly children?: ReactNode;
  readonly send: (reason: string) => Promise<ApiResult<unknown>>;
  readonly onClose: () => void;
  /** Called after every answer, before the dialog closes: the page then shows what is true now. */
  readonly onAnswer: () => Promise<void>;
}

const MAX_REASON_LENGTH = 500;

/**
 * Asks for confirmation and for the reason that is kept. A modal <dialog>: the browser holds the focus
 * inside, closes on Escape and gives the focus back to the button that opened it.
 */
export function ReasonDialog(props: ReasonDialogProps) {
  const { title, text, verb, danger = false, children, onClose } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const { reason, setReason, missing, busy, failure, submit } = useReason(props, () =>
    dialog.current?.close(),
  );
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby="dialog-title"
      aria-describedby="dialog-text"
      onClose={onClose}
    >
      <form onSubmit={submit} noValidate>
        <h2 id="dialog-title">{title}</h2>
        <p id="dialog-text">{text}</p>
        {children}
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
          <button type="submit" className={danger ? 'danger-filled' : 'primary'} disabled={busy}>
            {busy ? 'Sending…' : verb}
          </button>
        </div>
      </form>
    </dialog>
  );
}

function useReason(
  { send, onAnswer }: Pick<ReasonDialogProps, 'send' | 'onAnswer'>,
  close: () => void,
) {
  const [reason, setReason] = useState('');
  const [missing, setMissing] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<ApiFailure | null>(null);
  const run = async () => {
    const result = await send(reason.trim());
    await onAnswer();
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
    void run();
  };
  return { reason, setReason, missing, busy, failure, submit };
}
