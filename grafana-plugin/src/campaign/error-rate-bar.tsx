import { percent } from '../format/quantity.ts';
import { errorRateGeometry } from './error-rate-geometry.ts';

interface ErrorRateBarProps {
  readonly errorRate: number | null;
  readonly threshold: number;
  readonly finished: number;
  /** Finished devices the threshold needs before it judges. */
  readonly needed: number;
}

/** The error rate on its axis, with the limit as a mark; the words say the same. */
export function ErrorRateBar({ errorRate, threshold, finished, needed }: ErrorRateBarProps) {
  const geometry = errorRateGeometry(errorRate, threshold);
  return (
    <div className={`error-rate is-${geometry.state}`}>
      <p className="error-rate-words">
        <span>Error rate</span>
        <strong>{errorRate === null ? 'no result yet' : percent(errorRate)}</strong>
        {geometry.state === 'over' && <span className="over-word">over the limit</span>}
      </p>
      <div className="error-rate-axis" aria-hidden="true">
        <span className="error-rate-fill" style={{ width: `${geometry.fillPercent}%` }} />
        <span className="error-rate-limit" style={{ left: `${geometry.limitPercent}%` }} />
      </div>
      <p className="error-rate-scale">
        <span>limit {percent(threshold)}</span>
        <span>
          {Math.min(finished, needed)} of {needed} needed to judge
        </span>
        <span aria-hidden="true">{percent(geometry.axisEnd)}</span>
      </p>
    </div>
  );
}
