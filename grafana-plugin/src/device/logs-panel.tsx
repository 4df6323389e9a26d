import { useState } from 'react';
import { usePoll } from '../api/use-poll.ts';
import { PanelState } from '../ui/panel-state.tsx';
import { When } from '../ui/when.tsx';
import { severityOf } from './severity.ts';

/** OpenTelemetry's numbers: WARN is 13 to 16, everything above is an error. */
const LEVELS = [
  { title: 'All', minSeverity: 0 },
  { title: 'Warnings', minSeverity: 13 },
  { title: 'Errors', minSeverity: 17 },
] as const;

/** The newest log records, as the device sent them. */
export function LogsPanel({ id }: { readonly id: string }) {
  const [minSeverity, setMinSeverity] = useState(0);
  const poll = usePoll(
    `logs/${id}/${minSeverity}`,
    (api, signal) => api.deviceLogs(id, minSeverity, signal),
    { intervalMs: 5000 },
  );
  return (
    <section className="panel" aria-labelledby="logs-title">
      <div className="panel-head">
        <h2 id="logs-title">Logs</h2>
        <span className="panel-note">last 24 h</span>
        <div className="switch" role="group" aria-label="Least severity">
          {LEVELS.map((level) => (
            <button
              key={level.title}
              type="button"
              aria-pressed={minSeverity === level.minSeverity}
              onClick={() => setMinSeverity(level.minSeverity)}
            >
              {level.title}
            </button>
          ))}
        </div>
      </div>
      <PanelState poll={poll}>
        {({ items }) =>
          items.length === 0 ? (
            <p className="panel-text faint">Nothing of this kind was sent.</p>
          ) : (
            <ol className="logs" tabIndex={0} aria-label="Log records, newest first">
              {items.map((record, i) => {
                const { tone, word } = severityOf(record.severity);
                return (
                  <li key={`${record.at}/${i}`}>
                    <span className="log-when">
                      <When at={record.at} />
                    </span>
                    <span className={`log-level tone-${tone}`}>{word}</span>
                    <span className="log-body">{record.body}</span>
                  </li>
                );
              })}
            </ol>
          )
        }
      </PanelState>
    </section>
  );
}
