import type { UpdateRecord } from '@flotilla/contracts';
import { bytes, count } from '../format/quantity.ts';
import { duration } from '../format/relative-time.ts';
import { Link } from '../routing/link.tsx';
import { StateWord } from '../ui/state-word.tsx';
import { UPDATE_TONE } from '../ui/tones.ts';
import { When } from '../ui/when.tsx';
import { reasonWords, updateStateWord } from './update-words.ts';

/** Newest first, as the service answers. */
export function UpdateHistory({ updates }: { readonly updates: readonly UpdateRecord[] }) {
  return (
    <section className="panel" aria-labelledby="updates-title">
      <div className="panel-head">
        <h2 id="updates-title">Update history</h2>
        {updates.length > 0 && (
          <span className="panel-note">{count(updates.length, 'update')}</span>
        )}
      </div>
      {updates.length === 0 ? (
        <p className="panel-text faint">
          No campaign has offered this device an update yet. Its updates will be listed here with
          how they ended.
        </p>
      ) : (
        <ol className="history">
          {updates.map((update) => (
            <Update key={`${update.campaignId}/${update.round}`} update={update} />
          ))}
        </ol>
      )}
    </section>
  );
}

function Update({ update }: { readonly update: UpdateRecord }) {
  const tookMs = Date.parse(update.updatedAt) - Date.parse(update.startedAt);
  return (
    <li>
      <div className="history-head">
        <span className="history-versions">
          {update.fromVersion ?? 'none'} <span aria-label="to">→</span> {update.toVersion}
        </span>
        <StateWord tone={UPDATE_TONE[update.state]} badge>
          {updateStateWord(update.state)}
        </StateWord>
        <span className="history-when">
          <When at={update.updatedAt} />
        </span>
      </div>
      {update.reason !== null && (
        <p className="history-reason">{reasonWords(update.reason).sentence}</p>
      )}
      {update.detail !== null && <p className="history-detail">{update.detail}</p>}
      <p className="history-meta">
        <Link to={{ page: 'campaign', id: update.campaignId }}>{update.campaignName}</Link>
        <span>
          phase {update.phase}, round {update.round}
        </span>
        {update.transferBytes > 0 && (
          <span>
            {bytes(update.transferBytes)} {update.usedDelta ? 'as a delta' : 'in full'}
          </span>
        )}
        <span>took {duration(tookMs)}</span>
      </p>
    </li>
  );
}
