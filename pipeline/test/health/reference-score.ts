/** A signal of the model, as `flotilla_health_signals` has it. */
export interface SignalDefinition {
  readonly Signal: string;
  readonly Weight: number;
  readonly Good: number;
  readonly Bad: number;
  readonly HalfLifeSeconds: number | null;
}

export interface Observation {
  readonly value: number | null;
  readonly ageSeconds: number;
}

export interface ReferenceHealth {
  readonly score: number;
  readonly confidence: number;
  readonly status: string;
  readonly contributions: Record<string, number>;
}

/** The health score straight from its definition, in the plainest code, to hold the SQL against. */
export function referenceScore(
  model: readonly SignalDefinition[],
  declared: ReadonlyMap<string, Observation>,
): ReferenceHealth {
  let kept = 1;
  let freshWeight = 0;
  let declaredWeight = 0;
  const logs: [string, number][] = [];
  for (const { Signal, Weight, Good, Bad, HalfLifeSeconds } of model) {
    const observation = declared.get(Signal);
    if (observation === undefined) continue;
    declaredWeight += Weight;
    if (observation.value === null) continue;
    freshWeight +=
      Weight * (HalfLifeSeconds === null ? 1 : 2 ** (-observation.ageSeconds / HalfLifeSeconds));
    const severity = Math.min(1, Math.max(0, (observation.value - Good) / (Bad - Good)));
    kept *= 1 - Weight * severity;
    logs.push([Signal, Math.log(1 - Weight * severity)]);
  }
  const score = 100 * kept;
  const total = logs.reduce((sum, [, log]) => sum + log, 0);
  const confidence = freshWeight / declaredWeight;
  return {
    score,
    confidence,
    status:
      confidence < 0.5
        ? 'unknown'
        : score >= 80
          ? 'healthy'
          : score >= 50
            ? 'degraded'
            : 'critical',
    contributions: Object.fromEntries(
      logs.map(([signal, log]) => [signal, total < 0 ? ((100 - score) * log) / total : 0]),
    ),
  };
}
