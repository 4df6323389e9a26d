import { useState } from 'react';
import {
  QUARANTINE_RESOLUTIONS,
  type QuarantineKind,
  type QuarantineResolution,
  type QuarantineView,
} from '@flotilla/contracts';
import type { ProvisioningClient } from '../api/provisioning-client.ts';
import { count } from '../format/quantity.ts';
import { focusTitleIfLost } from '../shell/page-frame.tsx';
import { ReasonDialog } from '../ui/reason-dialog.tsx';
import { When } from '../ui/when.tsx';

const KIND_WORDS: Readonly<Record<QuarantineKind, string>> = {
  unknown_serial: 'Unknown serial',
  duplicate_claim: 'Claimed twice',
  clone: 'One identity in two places',
  retired_claim: 'Claimed after retirement',
};

const RESOLUTION_WORDS: Readonly<
  Record<QuarantineResolution, { readonly verb: string; readonly consequence: string }>
> = {
  dismiss: { verb: 'Dismiss', consequence: 'There is nothing more to it; the entry is closed.' },
  release: { verb: 'Release', consequence: 'What holds the identity goes on with it.' },
  reissue: {
    verb: 'Reissue',
    consequence:
      'Its certificates are revoked, and the next claim gets the identity, whatever key it brings.',
  },
};

interface QuarantinePanelProps {
  readonly items: readonly QuarantineView[];
  readonly client: ProvisioningClient;
  readonly onChanged: () => Promise<void>;
}

interface Asking {
  readonly item: QuarantineView;
  readonly resolution: QuarantineResolution;
}

/** Who asked to come in and was kept out, until a person decides. */
export function QuarantinePanel({ items, client, onChanged }: QuarantinePanelProps) {
  const [asking, setAsking] = useState<Asking | null>(null);
  return (
    <section className="panel" aria-labelledby="quarantine-title">
      <div className="panel-head">
        <h2 id="quarantine-title">Quarantine</h2>
        <span className="panel-note">{count(items.length, 'open case')}</span>
      </div>
      {items.length === 0 ? (
        <p className="panel-text faint">Nobody is kept out.</p>
      ) : (
        <ul className="history">
          {items.map((item) => (
            <QuarantineItem
              key={item.id}
              item={item}
              onAsk={(resolution) => setAsking({ item, resolution })}
            />
          ))}
        </ul>
      )}
      {asking !== null && (
        <ReasonDialog
          title={`${RESOLUTION_WORDS[asking.resolution].verb}: ${asking.item.serial}?`}
          text={RESOLUTION_WORDS[asking.resolution].consequence}
          verb={RESOLUTION_WORDS[asking.resolution].verb}
          danger={asking.resolution === 'reissue'}
          send={(reason) => client.resolve(asking.item.id, asking.resolution, reason)}
          onClose={() => {
            setAsking(null);
            focusTitleIfLost();
          }}
          onAnswer={onChanged}
        />
      )}
    </section>
  );
}

interface QuarantineItemProps {
  readonly item: QuarantineView;
  readonly onAsk: (resolution: QuarantineResolution) => void;
}

function QuarantineItem({ item, onAsk }: QuarantineItemProps) {
  return (
    <li>
      <div className="history-head">
        <span className="history-versions mono">{item.serial}</span>
        <span>{KIND_WORDS[item.kind]}</span>
        <span className="history-when">
          <When at={item.lastAt} />
        </span>
      </div>
      <p className="history-reason">{item.detail}</p>
      <p className="history-meta">
        <span>{count(item.attempts, 'attempt')}</span>
        <span>from {item.remoteAddress}</span>
      </p>
      <div className="lifecycle-changes">
        {QUARANTINE_RESOLUTIONS.map((resolution) => (
          <button
            key={resolution}
            type="button"
            className={resolution === 'reissue' ? 'danger' : ''}
            onClick={() => onAsk(resolution)}
          >
            {RESOLUTION_WORDS[resolution].verb}…
          </button>
        ))}
      </div>
    </li>
  );
}
