import { usePoll } from '../api/use-poll.ts';
import { LineChart } from '../ui/line-chart.tsx';
import { PanelState } from '../ui/panel-state.tsx';

const TITLES = { cpu: 'CPU', memory: 'Memory', disk: 'Fullest disk' } as const;

/** Utilization of the last hours. */
export function ResourcesPanel({ id }: { readonly id: string }) {
  const poll = usePoll(`resources/${id}`, (api, signal) => api.deviceResources(id, signal), {
    intervalMs: 10_000,
  });
  return (
    <section className="panel" aria-labelledby="resources-title">
      <div className="panel-head">
        <h2 id="resources-title">Resources</h2>
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
