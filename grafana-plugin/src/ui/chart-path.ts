import type { ChartPoint } from './line-chart.tsx';

interface ChartFrame {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
  readonly width: number;
  readonly height: number;
}

/** SVG path of shares over time; where more than two steps are missing the line breaks. */
export function chartPath(points: readonly ChartPoint[], frame: ChartFrame): string {
  const { fromMs, toMs, stepMs, width, height } = frame;
  let lastMs = Number.NEGATIVE_INFINITY;
  return points
    .map(({ at, value }) => {
      const atMs = Date.parse(at);
      const x = ((atMs - fromMs) / (toMs - fromMs)) * width;
      const y = height * (1 - Math.min(1, Math.max(0, value)));
      const command = atMs - lastMs > 3 * stepMs ? 'M' : 'L';
      lastMs = atMs;
      return `${command}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join('');
}
