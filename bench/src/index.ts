export { atMost, type BenchModule, type BenchResult, type Goal } from './harness/bench.ts';
export { describeMachine } from './harness/machine.ts';
export { formatCount, formatTable } from './harness/table.ts';
