import { atLeast, atMost, type Goal } from '../harness/bench.ts';
import { formatCount, formatTable } from '../harness/table.ts';
import { CONTROL_RULES, raceControl } from './control-race.ts';

const FLEETS = [1000, 100_000];
const BASE = [0.005, 0.02];
const FALSE_PAUSE_LIMIT = 5;
/** At this share of crashes a day, in a canary phase of a thousand, hardly one may go unseen. */
const CLEARLY_BAD = 0.1;
const FOUND_LIMIT = 95;

interface Scenario {
  readonly name: string;
  /** Crashes a day of updated devices, from those of waiting ones. */
  readonly updated: (base: number) => number;
  readonly shock: number;
  readonly isGood: boolean;
}

const SCENARIOS: readonly Scenario[] = [
  { name: 'good', updated: (base) => base, shock: 1, isGood: true },
  { name: '1.5 times as often', updated: (base) => 1.5 * base, shock: 1, isGood: true },
  { name: 'good, whole fleet × 8', updated: (base) => base, shock: 8, isGood: true },
  { name: 'bad 5 %', updated: () => 0.05, shock: 1, isGood: false },
  { name: 'bad 10 %', updated: () => 0.1, shock: 1, isGood: false },
  { name: 'bad 20 %', updated: () => 0.2, shock: 1, isGood: false },
];

/** Firmware that confirms and crashes later, seen beside the devices that wait: a canary phase's first day. */
export function measureControl(
  campaigns: number,
  seed: number,
): { figures: Readonly<Record<string, unknown>>[]; goals: Goal[] } {
  console.log('\nCrashes after the update, beside waiting devices; a canary phase of a day:');
  console.log('share of campaigns paused, and the median hours until then.');
  const figures: Readonly<Record<string, unknown>>[] = [];
  const goals: Goal[] = [];
  const rows: string[][] = [];
  for (const devices of FLEETS) {
    for (const base of BASE) {
      for (const { name, updated, shock, isGood } of SCENARIOS) {
        const probabilities = { controlProbability: base, updatedProbability: updated(base) };
        const cell = { devices, ...probabilities, shock, campaigns };
        const pausedAt = raceControl({ ...cell, seed: seed + 3000 + rows.length });
        const shown = pausedAt.map((hours, rule) => {
          const paused = hours.filter(Number.isFinite).sort();
          const pauseRate = paused.length / campaigns;
          const hoursToPause = paused[paused.length >> 1] ?? null;
          figures.push({
            ...cell,
            scenario: name,
            rule: CONTROL_RULES[rule],
            pauseRate,
            hoursToPause,
          });
          return { pauseRate, hoursToPause };
        });
        const where = `${formatCount(devices)} devices, waiting ones crash ${100 * base} %/day, ${name}`;
        const percent = round(100 * (shown[0]?.pauseRate ?? NaN));
        if (isGood) goals.push(atMost(`false pauses, ${where}`, percent, FALSE_PAUSE_LIMIT, '%'));
        else if (devices >= 100_000 && updated(base) >= CLEARLY_BAD) {
          goals.push(atLeast(`found within a day, ${where}`, percent, FOUND_LIMIT, '%'));
        }
        rows.push([
          where,
          ...shown.map(({ pauseRate, hoursToPause }) =>
            hoursToPause === null
              ? `${round(100 * pauseRate)} %`
              : `${round(100 * pauseRate)} % (${round(hoursToPause)} h)`,
          ),
        ]);
      }
    }
  }
  console.log(formatTable(['cell', ...CONTROL_RULES], rows));
  return { figures, goals };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
