import type { DeltaView, FirmwareView } from '@flotilla/contracts';
import { usePoll } from '../api/use-poll.ts';
import { bytes, count, percent } from '../format/quantity.ts';
import { PageFrame } from '../shell/page-frame.tsx';
import { Notice } from '../ui/notice.tsx';
import { StateWord } from '../ui/state-word.tsx';
import { When } from '../ui/when.tsx';
import { deltaSaving } from './delta-saving.ts';
import { byModel } from './firmware-order.ts';

export function FirmwarePage() {
  const poll = usePoll('firmware', (api, signal) => api.firmware(signal));
  return (
    <PageFrame title="Firmware" poll={poll}>
      {({ items }) =>
        items.length === 0 ? (
          <Notice
            tone="neutral"
            title="No firmware yet"
            detail="An uploaded version appears here as a draft; once it is among the signed targets it is released."
          />
        ) : (
          byModel(items).map(({ model, versions }) => (
            <section key={model} aria-labelledby={`model-${model}`}>
              <h2 id={`model-${model}`} className="section-title">
                {model} <span className="faint">{count(versions.length, 'version')}</span>
              </h2>
              <ul className="cards is-single">
                {versions.map((firmware) => (
                  <Version key={firmware.id} firmware={firmware} />
                ))}
              </ul>
            </section>
          ))
        )
      }
    </PageFrame>
  );
}

const STATES = {
  draft: { tone: 'neutral', word: 'Draft' },
  released: { tone: 'good', word: 'Released' },
  withdrawn: { tone: 'warn', word: 'Withdrawn' },
} as const;

function Version({ firmware }: { readonly firmware: FirmwareView }) {
  const { tone, word } = STATES[firmware.state];
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
      </p>
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
            <DeltaRow
              key={`${delta.baseSha256}/${delta.codec}`}
              firmware={firmware}
              delta={delta}
            />
          ))}
        </tbody>
      </table>
    </li>
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
