import type { CampaignEvent } from '@flotilla/contracts';
import { When } from '../ui/when.tsx';
import { EVENT_WORDS } from './campaign-words.ts';

/** Everything that was decided, by whom and why; newest first. */
export function AuditList({ events }: { readonly events: readonly CampaignEvent[] }) {
  const newestFirst = [...events].sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  return (
    <section className="panel" aria-labelledby="audit-title">
      <div className="panel-head">
        <h2 id="audit-title">Audit</h2>
      </div>
      {newestFirst.length === 0 ? (
        <p className="panel-text faint">Nothing has been decided yet.</p>
      ) : (
        <ol className="audit">
          {newestFirst.map((event) => (
            <li key={`${event.at}/${event.event}`}>
              <span className="audit-when">
                <When at={event.at} />
              </span>
              <div>
                <p className="audit-head">
                  <strong>{EVENT_WORDS[event.event]}</strong>{' '}
                  <span className="faint">
                    by {event.actor === 'gate' ? 'the gate' : event.actor}
                  </span>
                </p>
                {event.reason !== '' && <p className="audit-reason">{event.reason}</p>}
                {event.evidence !== null && (
                  <details>
                    <summary>Evidence</summary>
                    <pre>{JSON.stringify(event.evidence, null, 2)}</pre>
                  </details>
                )}
              </div>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
