import { useState } from 'react';
import type { DeltaView, FirmwareView, TrustView } from '@flotilla/contracts';
import type { ApiResult } from '../api/api-failure.ts';
import type { ApiClient } from '../api/client.ts';
import { usePoll } from '../api/use-poll.ts';
import { bytes, count, percent } from '../format/quantity.ts';
import { useHost } from '../host/host-context.tsx';
import { PageFrame, focusTitleIfLost } from '../shell/page-frame.tsx';
import { Notice } from '../ui/notice.tsx';
import { ReasonDialog } from '../ui/reason-dialog.tsx';
import { StateWord } from '../ui/state-word.tsx';
import { When } from '../ui/when.tsx';
import { deltaSaving } from './delta-saving.ts';
import { byModel } from './firmware-order.ts';
import { signStateOf } from './sign-state.ts';
import { SignWords } from './sign-words.tsx';
import { UploadDialog } from './upload-dialog.tsx';

interface FirmwareData {
  readonly items: readonly FirmwareView[];
  /** Null when the service did not tell. */
  readonly trust: TrustView | null;
}

export function FirmwarePage() {
  const { api, host } = useHost();
  const poll = usePoll('firmware', loadFirmware);
  const [isUploading, setUploading] = useState(false);
  const [withdrawing, setWithdrawing] = useState<FirmwareView | null>(null);
  const canWrite = host.access.can('firmware:write');
  const models = [...new Set(poll.data?.items.map(({ model }) => model))];
  return (
    <PageFrame
      title="Firmware"
      poll={poll}
      aside={
        canWrite && (
          <div className="actions">
            <button type="button" className="primary" onClick={() => setUploading(true)}>
              Upload…
            </button>
          </div>
        )
      }
    >
      {({ items, trust }) => (
        <>
          {items.length === 0 ? (
            <NoFirmware />
          ) : (
            byModel(items).map(({ model, versions }) => (
              <section key={model} aria-labelledby={`model-${model}`}>
                <h2 id={`model-${model}`} className="section-title">
                  {model} <span className="faint">{count(versions.length, 'version')}</span>
                </h2>
                <ul className="cards is-single">
                  {versions.map((firmware) => (
                    <Version
                      key={firmware.id}
                      firmware={firmware}
                      trust={trust}
                      onWithdraw={canWrite ? setWithdrawing : undefined}
                    />
                  ))}
                </ul>
              </section>
            ))
          )}
          {isUploading && (
            <UploadDialog
              models={models}
              onClose={() => setUploading(false)}
              onUploaded={poll.refresh}
            />
          )}
          {withdrawing !== null && (
            <ReasonDialog
              title={`Withdraw ${withdrawing.model} ${withdrawing.version}?`}
              text="It is offered to nobody and downloaded by nobody any more, and campaigns that offer it pause. Devices that run it keep it."
              verb="Withdraw"
              danger
              send={(reason) => api.withdrawFirmware(withdrawing.id, reason)}
              onClose={() => {
                setWithdrawing(null);
                focusTitleIfLost();
              }}
              onAnswer={poll.refresh}
            />
          )}
        </>
      )}
    </PageFrame>
  );
}

async function loadFirmware(api: ApiClient, signal: AbortSignal): Promise<ApiResult<FirmwareData>> {
  const [firmware, trust] = await Promise.all([api.firmware(signal), api.trust(signal)]);
  if (!firmware.ok) return firmware;
  return {
    ok: true,
    value: { items: firmware.value.items, trust: trust.ok ? trust.value : null },
  };
}

function NoFirmware() {
  return (
    <Notice
      tone="neutral"
      title="No firmware yet"
      detail="An uploaded version appears here as a draft; once it is among the signed targets it is released."
    />
  );
}

const STATES = {
  draft: { tone: 'neutral', word: 'Draft' },
  released: { tone: 'good', word: 'Released' },
  withdrawn: { tone: 'warn', word: 'Withdrawn' },
} as const;

interface VersionProps {
  readonly firmware: FirmwareView;
  readonly trust: TrustView | null;
  readonly onWithdraw: ((firmware: FirmwareView) => void) | undefined;
}

function Version({ firmware, trust, onWithdraw }: VersionProps) {
  const { tone, word } = STATES[firmware.state];
  const signState = trust === null ? null : signStateOf(firmware, trust);
  return (
    <li className="panel firmware">
      <div className="card-head">
        <h3>{firmware.version}</h3>
        <StateWord tone={tone} badge>
          {word}
        </StateWord>
      </div>
      <p className="card-meta">
        <span>
          added <When at={firmware.createdAt} />
        </span>
        <span>{bytes(firmware.sizeBytes)} unpacked</span>
        <span className="mono" title={firmware.sha256}>
          sha256 {firmware.sha256.slice(0, 12)}…
        </span>
        {firmware.allowDowngrade && <span>may be a downgrade</span>}
        {firmware.minimumVersion !== null && <span>needs {firmware.minimumVersion} first</span>}
        {firmware.channels.length > 0 && <span>channel {firmware.channels.join(', ')}</span>}
      </p>
      {signState !== null && <SignWords firmware={firmware} state={signState} />}
      {firmware.withdrawalReason !== null && (
        <p className="sign">Withdrawn: {firmware.withdrawalReason}</p>
      )}
      <Transfers firmware={firmware} />
      {firmware.state === 'released' && onWithdraw !== undefined && (
        <div className="firmware-actions">
          <button
            type="button"
            className="danger"
            aria-label={`Withdraw ${firmware.version}…`}
            onClick={() => onWithdraw(firmware)}
          >
            Withdraw…
          </button>
        </div>
      )}
    </li>
  );
}

/** What travels to a device, in full and by delta. */
function Transfers({ firmware }: { readonly firmware: FirmwareView }) {
  return (
    <table className="table transfers" aria-label={`Transfers of ${firmware.version}`}>
      <thead>
        <tr>
          <th scope="col">Transfer</th>
          <th scope="col" className="number">
            Size
          </th>
          <th scope="col" className="transfer-bar">
            <span className="visually-hidden">Size beside the full transfer</span>
          </th>
          <th scope="col" className="number">
            Saves
          </th>
        </tr>
      </thead>
      <tbody>
        <tr>
          <th scope="row">full</th>
          <td className="number">{bytes(firmware.fullTransferBytes)}</td>
          <td className="transfer-bar">
            <span className="meter tone-neutral" aria-hidden="true">
              <span className="meter-fill" style={{ width: '100%' }} />
            </span>
          </td>
          <td className="number faint">–</td>
        </tr>
        {firmware.deltas.map((delta) => (
          <DeltaRow key={`${delta.baseSha256}/${delta.codec}`} firmware={firmware} delta={delta} />
        ))}
      </tbody>
    </table>
  );
}

function DeltaRow({
  firmware,
  delta,
}: {
  readonly firmware: FirmwareView;
  readonly delta: DeltaView;
}) {
  const saving = deltaSaving(firmware, delta);
  return (
    <tr>
      <th scope="row">
        delta <span className="faint">from</span> {delta.baseVersion}
      </th>
      {saving === null ? (
        <td colSpan={3} className="delta-state">
          <DeltaState delta={delta} />
        </td>
      ) : (
        <>
          <td className="number">{bytes(saving.sizeBytes)}</td>
          <td className="transfer-bar">
            <span className="meter tone-good" aria-hidden="true">
              <span className="meter-fill" style={{ width: `${saving.barPercent}%` }} />
            </span>
          </td>
          <td className="number">
            {saving.savedShare > 0 ? percent(saving.savedShare) : 'nothing'}
          </td>
        </>
      )}
    </tr>
  );
}

function DeltaState({ delta }: { readonly delta: DeltaView }) {
  switch (delta.state) {
    case 'pending':
      return <StateWord tone="info">Being computed</StateWord>;
    case 'failed':
      return (
        <>
          <StateWord tone="bad">Failed</StateWord>
          {delta.detail !== null && <span className="faint"> {delta.detail}</span>}
        </>
      );
    case 'not_worthwhile':
      return <StateWord tone="neutral">Not worthwhile: it would save too little</StateWord>;
    case 'ready':
      return <StateWord tone="good">Ready</StateWord>;
  }
}
