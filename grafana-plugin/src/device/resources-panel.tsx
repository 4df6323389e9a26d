import { useState } from 'react';
import { usePoll } from '../api/use-poll.ts';
import { LineChart } from '../ui/line-chart.tsx';
import { PanelState } from '../ui/panel-state.tsx';

const RANGES = [
  { title: '1 h', hours: 1 },
  { title: '6 h', hours: 6 },
  { title: '7 d', hours: 168 },
] as const;

const TITLES = { cpu: 'CPU', memory: 'Memory', disk: 'Fullest disk' } as const;

/** Utilization of the last hours. */
export function ResourcesPanel({ id }: { readonly id: string }) {
  const [hours, setHours] = useState<number>(RANGES[0].hours);
  const poll = usePoll(
    `resources/${id}/${hours}`,
    (api, signal) => api.deviceResources(id, hours, signal),
    { intervalMs: 10_000 },
  );
  return (
    <section className="panel" aria-labelledby="resources-title">
      <div className="panel-head">
        <h2 id="resources-title">Resources</h2>
        <div className="switch" role="group" aria-label="Range">
          {RANGES.map((range) => (
            <button
              key={range.hours}
              type="button"
              aria-pressed={hours === range.hours}
              onClick={() => setHours(range.hours)}
            >
              {range.title}
            </button>
          ))}
        </div>
      </div>
      <PanelState poll={poll}>
        {({ series, from, to, stepMs }) => (
          <div className="charts">
            {series.map(({ signal, points }) => (
              <LineChart
                key={signal}
                title={TITLES[signal]}
                points={points}
                fromMs={Date.parse(from)}
                toMs={Date.parse(to)}
                stepMs={stepMs}
              />
            ))}
          </div>
        )}
      </PanelState>
    </section>
  );
}
