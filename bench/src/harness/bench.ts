/** A number and the limit it must keep; without a number nothing is said about the limit. */
export interface Goal {
  readonly name: string;
  /** null: not measured in this run. */
  readonly value: number | null;
  readonly unit: string;
  readonly bound: 'at most' | 'at least';
  readonly limit: number;
  /** null: not measured, so neither met nor missed. */
  readonly met: boolean | null;
}

export interface BenchResult {
  /** Everything measured, for machines: plain JSON. */
  readonly figures: Readonly<Record<string, unknown>>;
  readonly goals: readonly Goal[];
}

/** What a file `bench/src/NAME.ts` exports. It prints its tables and returns its figures. */
export interface BenchModule {
  run(args: readonly string[]): Promise<BenchResult>;
}

export function atMost(name: string, value: number, limit: number, unit: string): Goal {
  return { name, value, unit, bound: 'at most', limit, met: value <= limit };
}

export function atLeast(name: string, value: number, limit: number, unit: string): Goal {
  return { name, value, unit, bound: 'at least', limit, met: value >= limit };
}

export function notMeasured(name: string, bound: Goal['bound'], limit: number, unit: string): Goal {
  return { name, value: null, unit, bound, limit, met: null };
}

export function describeGoal({ name, value, unit, bound, limit, met }: Goal): string {
  if (value === null) return `goal not measured: ${name} (${bound} ${limit} ${unit})`;
  return `goal ${met === true ? 'met' : 'MISSED'}: ${name}: ${value} ${unit} (${bound} ${limit})`;
}
