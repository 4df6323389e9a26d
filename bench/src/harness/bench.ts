/** A number that must not exceed its limit. */
export interface Goal {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly limit: number;
  readonly met: boolean;
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
  return { name, value, unit, limit, met: value <= limit };
}
