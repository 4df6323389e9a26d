import { atLeast, atMost, type Goal } from '../harness/bench.ts';
import { formatTable } from '../harness/table.ts';
import { raceGuards, type GuardCell } from './guard-race.ts';

const FALSE_PAUSE_LIMIT = 5;
const FOUND_LIMIT = 95;

type Setting = Omit<GuardCell, 'campaigns' | 'seed'> & { readonly isGood: boolean };

const SETTINGS: readonly Setting[] = [
  { name: 'good', devices: 10, effect: {}, isGood: true },
  { name: 'good', devices: 24, effect: {}, isGood: true },
  {
    name: 'good, while the whole fleet slows down and logs × 5',
    devices: 24,
    effect: {},
    shock: { cpuPoints: 25, errorFactor: 5, memoryPointsPerHour: 6 },
    isGood: true,
  },
  { name: 'CPU at the limit of 5 points', devices: 24, effect: { cpuPoints: 5 }, isGood: true },
  { name: 'CPU + 15 points', devices: 12, effect: { cpuPoints: 15 }, isGood: false },
  { name: 'leak of 8 points/h', devices: 12, effect: { memoryPointsPerHour: 8 }, isGood: false },
  { name: 'leak of 6 points/h', devices: 40, effect: { memoryPointsPerHour: 6 }, isGood: false },
  { name: 'error logs × 10', devices: 40, effect: { errorFactor: 10 }, isGood: false },
  { name: 'silent for 4 of 10 minutes', devices: 12, effect: { silentTenths: 4 }, isGood: false },
];

/** The guards with their default limits, all six at once, beside a Mann-Whitney on each signal. */
export function measureGuards(
  campaigns: number,
  seed: number,
): { figures: Readonly<Record<string, unknown>>[]; goals: Goal[] } {
  console.log(
    '\nGuards over telemetry, five waiting devices beside each updated one, a look after each:',
  );
  const figures: Readonly<Record<string, unknown>>[] = [];
  const goals: Goal[] = [];
  const rows = SETTINGS.map(({ isGood, ...setting }, index) => {
    const outcome = raceGuards({ ...setting, campaigns, seed: seed + 4000 + index });
    const of = (pausedAt: Float64Array) => {
      const paused = pausedAt.filter(Number.isFinite).sort();
      return {
        percent: round((100 * paused.length) / pausedAt.length),
        devices: paused[paused.length >> 1],
      };
    };
    const own = of(outcome.guards);
    const peer = of(outcome.mannWhitney);
    figures.push({ ...setting, guards: own, mannWhitney: peer });
    const where = `${setting.name}, ${setting.devices} devices`;
    goals.push(
      isGood
        ? atMost(`guards, false pauses, ${where}`, own.percent, FALSE_PAUSE_LIMIT, '%')
        : atLeast(`guards, found, ${where}`, own.percent, FOUND_LIMIT, '%'),
    );
    const shown = ({ percent, devices }: typeof own): string =>
      devices === undefined ? `${percent} %` : `${percent} % (${devices} devices)`;
    return [where, shown(own), shown(peer)];
  });
  console.log(formatTable(['firmware', 'flotilla guards', 'Mann-Whitney 5 %, repeated'], rows));
  return { figures, goals };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
