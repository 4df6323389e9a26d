import { percent } from '../format/quantity.ts';
import { duration } from '../format/relative-time.ts';
import { chartPath } from './chart-path.ts';

export interface ChartPoint {
  readonly at: string;
  /** 0 to 1. */
  readonly value: number;
}

interface LineChartProps {
  readonly title: string;
  readonly points: readonly ChartPoint[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
}

const WIDTH = 600;
const HEIGHT = 64;

/** A share over time; the words beside it say what the line shows. Gaps in the data stay gaps. */
export function LineChart({ title, points, fromMs, toMs, stepMs }: LineChartProps) {
  const values = points.map(({ value }) => value);
  const last = values.at(-1);
  const span = duration(toMs - fromMs);
  return (
    <figure className="chart">
      <figcaption>
        <span>{title}</span>
        {last === undefined ? (
          <span className="faint">no data in {span}</span>
        ) : (
          <span>
            <strong>{percent(last)}</strong>{' '}
            <span className="faint">
              {percent(Math.min(...values))} to {percent(Math.max(...values))} in {span}
            </span>
          </span>
        )}
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        aria-hidden="true"
        className="chart-plot"
      >
        {[0, 0.5, 1].map((share) => (
          <line
            key={share}
            className="chart-grid"
            x1="0"
            x2={WIDTH}
            y1={HEIGHT * (1 - share)}
            y2={HEIGHT * (1 - share)}
          />
        ))}
        <path
          className="chart-line"
          d={chartPath(points, { fromMs, toMs, stepMs, width: WIDTH, height: HEIGHT })}
        />
      </svg>
    </figure>
  );
}
