import { guardsSchema } from '@flotilla/contracts';
import { describe, expect, it } from 'vitest';
import { decideGuards } from '../../../../src/campaigns/domain/guard-decision.ts';
import {
  GUARD_LOG_E_LIMIT,
  weighGuards,
  type BeforeAfter,
  type DeviceReadings,
  type GuardPair,
} from '../../../../src/campaigns/domain/gates/guard-gate.ts';
import {
  EVEN_MIXTURE,
  outcomeLogE,
} from '../../../../src/campaigns/domain/gates/outcome-e-process.ts';

const guards = guardsSchema.parse({});
const flat: BeforeAfter = { before: 0, after: 0 };
const none: BeforeAfter = { before: null, after: null };
const readings = (over: Partial<DeviceReadings> = {}): DeviceReadings => ({
  crashRate: flat,
  errorLogRate: flat,
  cpu: { before: 20, after: 20 },
  memorySlope: flat,
  batteryDrain: none,
  connectivity: { before: 100, after: 100 },
  ...over,
});
const pair = (
  updated: Partial<DeviceReadings>,
  control: Partial<DeviceReadings> = {},
): GuardPair => ({
  deviceId: 'device',
  controlIds: ['a', 'b', 'c'],
  updated: readings(updated),
  controls: [readings(control), readings(control), readings(control)],
});
const weigh = (pairs: readonly GuardPair[], over: { waiting?: number; unpaired?: number } = {}) =>
  weighGuards(guards, {
    pairs,
    waiting: over.waiting ?? 0,
    waitUntilMs: over.waiting === undefined ? null : 90_000,
    unpaired: over.unpaired ?? 0,
  });
const of = (metric: string, pairs: readonly GuardPair[]) => {
  const found = weigh(pairs).metrics.find((evidence) => evidence.metric === metric);
  if (found === undefined) throw new Error(`no guard ${metric}`);
  return found;
};
const times = <T>(count: number, one: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => one(i));
const decide = (seen: ReturnType<typeof weigh>, isLastPhase = false) =>
  decideGuards(seen, { isLastPhase, nowMs: 30_000 });

describe('the guards', () => {
  it('find a leak on eight devices of eight, and say by how much at least', () => {
    const pairs = times(8, (i) => pair({ memorySlope: { before: 0, after: 4 + i } }));
    expect(of('memorySlope', pairs)).toMatchObject({
      status: 'breached',
      devices: 8,
      worse: 8,
      median: 7.5,
      atLeast: 4,
    });
    expect(decide(weigh(pairs))).toMatchObject({
      kind: 'breach',
      metric: 'memorySlope',
      words:
        'memory: 8 of 8 updated devices worse than their control by more than the limit, ' +
        'typically 7.5 points per hour faster (at least 4), limit 2',
    });
  });

  it('find ten times the error logs, as a ratio', () => {
    const pairs = times(10, () => pair({ errorLogRate: { before: 4, after: 40 } }));
    expect(of('errorLogRate', pairs)).toMatchObject({ status: 'breached', worse: 10 });
    expect(of('errorLogRate', pairs).median).toBeCloseTo(43 / 7);
  });

  it('leave alone what the control did as well', () => {
    const both = { cpu: { before: 20, after: 60 }, errorLogRate: { before: 4, after: 400 } };
    for (const { status } of weigh(times(20, () => pair(both, both))).metrics) {
      expect(status).not.toBe('breached');
    }
  });

  it('leave alone a change within the limit, and one of a few devices', () => {
    const small = times(30, () => pair({ cpu: { before: 20, after: 24 } }));
    expect(of('cpu', small)).toMatchObject({ status: 'clear', worse: 0 });
    const few = times(30, (i) => pair({ cpu: { before: 20, after: i < 10 ? 90 : 20 } }));
    expect(of('cpu', few)).toMatchObject({ status: 'clear', worse: 10 });
  });

  it('say when there are too few devices to show anything', () => {
    const pairs = times(7, () => pair({ cpu: { before: 20, after: 90 } }));
    expect(of('cpu', pairs).status).toBe('too_few');
    const decision = decide(weigh(pairs));
    expect(decision).toMatchObject({ kind: 'pass' });
    expect(decision.words).toContain('CPU');
    expect(decision.words).toContain('too few devices to judge');
    expect(outcomeLogE(8, 0, 0.5, EVEN_MIXTURE)).toBeGreaterThan(GUARD_LOG_E_LIMIT);
  });

  it('say that a signal which nobody sends is not available, and go on', () => {
    const decision = decide(weigh(times(9, () => pair({}))));
    expect(decision).toEqual({ kind: 'pass', words: 'battery: not available' });
  });

  it('hold for a device that tells no more since its update', () => {
    const silent = { cpu: { before: 20, after: null } };
    const pairs = times(10, (i) => pair(i < 3 ? silent : {}));
    expect(of('cpu', pairs)).toMatchObject({ status: 'missing', missing: 3 });
    expect(decide(weigh(pairs))).toMatchObject({
      kind: 'hold',
      code: 'guards_no_data',
      words: '3 of 10 updated devices tell no CPU since the update',
    });
    // One of ten is no reason to hold for ever.
    expect(decide(weigh(times(10, (i) => pair(i < 1 ? silent : {})))).kind).toBe('pass');
  });

  it('pause for devices that went dark', () => {
    const dark = { connectivity: { before: 100, after: 0 }, cpu: { before: 20, after: null } };
    expect(decide(weigh(times(8, () => pair(dark))))).toMatchObject({
      kind: 'breach',
      metric: 'connectivity',
    });
  });

  it('hold while windows are open and while there is nothing to compare with', () => {
    expect(decide(weigh([], { waiting: 2 }))).toMatchObject({
      kind: 'hold',
      code: 'guards_waiting',
      words: 'guards watch 2 updated devices for another 60 s',
    });
    expect(decide(weigh([], { unpaired: 4 }))).toMatchObject({
      kind: 'hold',
      code: 'guards_no_control',
    });
    expect(decide(weigh([], { unpaired: 4 }), true).kind).toBe('pass');
  });

  it('watch only what has a limit', () => {
    const some = guardsSchema.parse({ limits: { cpu: null, crashRate: null, connectivity: null } });
    const { metrics } = weighGuards(some, {
      pairs: [],
      waiting: 0,
      waitUntilMs: null,
      unpaired: 0,
    });
    expect(metrics.map(({ metric }) => metric)).toEqual([
      'errorLogRate',
      'memorySlope',
      'batteryDrain',
    ]);
  });
});
