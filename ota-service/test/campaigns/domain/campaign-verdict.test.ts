import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge, type GateState } from '../../../src/campaigns/domain/campaign-verdict.ts';
import {
  errorsOf,
  finishedOf,
  type ObservedPhase,
  type Observation,
} from '../../../src/campaigns/domain/observation.ts';
import { observedPhase } from '../sample-campaign.ts';

const NOW = 1_000_000;

const gate = (over: Partial<GateState> = {}): GateState => ({
  round: 1,
  currentPhase: 1,
  phaseCount: 3,
  errorThreshold: 0.05,
  minSample: 10,
  soakMs: 0,
  settledAtMs: null,
  ...over,
});

const seen = (...phases: ObservedPhase[]): Observation => ({
  kind: 'observed',
  phases,
  retired: 0,
  hasVersion: 0,
  withheld: 0,
});

/** Ten devices in 1, 1 and 8. */
const ten = (
  canary: Partial<ObservedPhase>,
  second: Partial<ObservedPhase> = {},
  rest: Partial<ObservedPhase> = {},
): Observation =>
  seen(
    observedPhase(1, { devices: 1, ...canary }),
    observedPhase(2, { devices: 1, ...second }),
    observedPhase(3, { devices: 8, ...rest }),
  );

const done = { started: 1, confirmed: 1 };

describe('pause', () => {
  it.each([
    [
      'the only canary rolls back',
      gate(),
      ten({ started: 1, rolledBack: 1 }),
      '1 of 1 canary devices rolled back, 100 %, limit 5 %',
    ],
    [
      'the only canary falls silent',
      gate(),
      ten({ started: 1, silent: 1 }),
      '1 of 1 canary devices fell silent, 100 %, limit 5 %',
    ],
    [
      'a canary fails while a later phase runs',
      gate({ currentPhase: 3 }),
      ten({ started: 1, failed: 1 }, done, { started: 3 }),
      '1 of 1 canary devices failed, 100 %, limit 5 %',
    ],
    [
      'the last phase ends above the limit',
      gate({ currentPhase: 3 }),
      ten(done, done, { started: 8, confirmed: 6, failed: 1, rolledBack: 1 }),
      '2 of 8 phase 3 devices failed or rolled back, 25 %, limit 5 %',
    ],
    [
      'one of eight fails and no success can make up for it',
      gate({ currentPhase: 3 }),
      ten(done, done, { started: 2, failed: 1 }),
      '1 of 8 phase 3 devices failed, 12.5 % even if all others succeed, limit 5 %',
    ],
    [
      'a sample of a large phase is above the limit',
      gate(),
      seen(observedPhase(1, { devices: 1000, started: 40, confirmed: 9, silent: 1 })),
      '1 of 10 canary devices fell silent, 10 %, limit 5 %',
    ],
  ])('%s', (_name, state, observation, words) => {
    const judgement = judge(state, observation, NOW);
    expect(judgement).toMatchObject({ kind: 'pause', code: 'threshold_exceeded', words });
    expect(judgement.evidence).toMatchObject({ limits: { errorThreshold: state.errorThreshold } });
    expect(judgement.evidence).toHaveProperty('phases');
  });

  it.each([
    ['at the limit, not above it', { confirmed: 19, failed: 1 }],
    ['too few finished to judge', { confirmed: 8, failed: 1 }],
  ])('not %s', (_name, counts) => {
    const observation = seen(observedPhase(1, { devices: 1000, started: 100, ...counts }));
    expect(judge(gate(), observation, NOW)).toMatchObject({
      kind: 'hold',
      code: 'awaiting_devices',
    });
  });

  it('compares shares without binary drift', () => {
    const observation = seen(
      observedPhase(1, { devices: 100, started: 100, confirmed: 71, failed: 29 }),
    );
    const judgement = judge(gate({ errorThreshold: 0.29 }), observation, NOW);
    expect(judgement.kind).toBe('advance');
  });

  it('takes a threshold of zero at its word', () => {
    const one = seen(observedPhase(1, { devices: 1000, started: 1, failed: 1 }));
    expect(judge(gate({ errorThreshold: 0 }), one, NOW).kind).toBe('pause');
  });

  it('never by rate when the threshold is all of them', () => {
    const all = ten({ started: 1, failed: 1 });
    expect(judge(gate({ errorThreshold: 1 }), all, NOW).kind).toBe('advance');
  });

  it('not by failures of a phase that has not been reached', () => {
    const later = ten(done, {}, { started: 1, failed: 1 });
    expect(judge(gate(), later, NOW).kind).toBe('advance');
  });
});

describe('the limit without a minimum sample', () => {
  const beyondChance = (over: Partial<GateState> = {}): GateState =>
    gate({ minSample: null, ...over });
  const canaries = (devices: number, failed: number, confirmed = devices - failed): Observation =>
    seen(observedPhase(1, { devices, started: failed + confirmed, confirmed, failed }));

  it.each([
    [1, 1, '1 of 1 canary devices failed, 100 %, limit 5 %'],
    [10, 2, '2 of 10 canary devices failed, 20 %, limit 5 %'],
    [41, 4, '4 of 41 canary devices failed, 9.8 %, limit 5 %'],
    [200, 11, '11 of 200 canary devices failed, 5.5 %, limit 5 %'],
  ])('pauses when of %i canaries %i failed', (devices, failed, words) => {
    const judgement = judge(beyondChance(), canaries(devices, failed), NOW);
    expect(judgement).toMatchObject({ kind: 'pause', words });
  });

  it('does not wait for the phase to end when its end is certain', () => {
    expect(judge(beyondChance(), canaries(10, 2, 0), NOW)).toMatchObject({
      kind: 'pause',
      words: '2 of 10 canary devices failed, 20 % even if all others succeed, limit 5 %',
    });
  });

  it('goes on after one failure among ten, and says so', () => {
    expect(judge(beyondChance(), canaries(10, 1), NOW)).toMatchObject({
      kind: 'advance',
      words:
        '9 of 10 devices confirmed; 1 of 10 canary devices failed, 10 %, above the limit of 5 % but within chance',
    });
  });

  it('takes a lower limit as a lower normal rate, and a limit of zero at its word', () => {
    const two = canaries(100, 2);
    expect(judge(beyondChance({ errorThreshold: 0.02 }), two, NOW).kind).toBe('advance');
    expect(judge(beyondChance({ errorThreshold: 0.002 }), two, NOW).kind).toBe('pause');
    const one = canaries(1000, 1);
    expect(judge(beyondChance({ errorThreshold: 0 }), one, NOW).kind).toBe('pause');
  });
});

describe('pause on more failures than chance explains', () => {
  /** Too few for the user's threshold to judge by: its minimum sample is the whole phase. */
  const late = (over: Partial<GateState> = {}): GateState =>
    gate({ minSample: 1_000_000, ...over });
  const canary = (over: Partial<ObservedPhase>) => observedPhase(1, { devices: 1000, ...over });

  it('by the e-process, long before the phase ends', () => {
    const counts = { started: 54, confirmed: 46, failed: 2, rolledBack: 4 };
    const judgement = judge(late(), seen(canary(counts)), NOW);
    expect(judgement).toMatchObject({
      kind: 'pause',
      code: 'error_rate_significant',
      words:
        '6 of 54 started devices failed or rolled back, 11.1 %, more than 2 % can explain (e-value 130, limit 40)',
      evidence: {
        rule: 'e_process',
        limits: { errorThreshold: 0.05 },
        outcomes: {
          tolerated: 0.02,
          failures: 6,
          successes: 48,
          logELimit: Math.log(40),
          boundaries: [{ phase: 1, devices: 1000, failures: 6, boundary: 31 }],
        },
      },
    });
    const { logE } = (judgement.evidence as { outcomes: { logE: number } }).outcomes;
    expect(logE).toBeGreaterThan(Math.log(40));
  });

  it('by the count of one phase, where the rate stays under the limit', () => {
    const counts = { started: 1000, confirmed: 900, silent: 31 };
    expect(judge(late(), seen(canary(counts)), NOW)).toMatchObject({
      kind: 'pause',
      code: 'error_rate_significant',
      words:
        '31 of 1000 canary devices fell silent, more than 2 % can explain (31 of 1000 are too many)',
      evidence: { rule: 'count_boundary', phase: 1 },
    });
    const one = { ...counts, silent: 30 };
    expect(judge(late(), seen(canary(one)), NOW)).toMatchObject({ kind: 'hold' });
  });

  it('by failures of several phases together, each small by itself', () => {
    const first = observedPhase(1, { devices: 100, started: 100, confirmed: 95, failed: 5 });
    const second = { devices: 900, started: 20, confirmed: 16, failed: 4 };
    const both = seen(first, observedPhase(2, second));
    expect(judge(late({ currentPhase: 2 }), both, NOW)).toMatchObject({
      code: 'error_rate_significant',
      words: expect.stringContaining('9 of 120 started devices failed') as string,
    });
    // The same failures in a phase that has not been reached are none of the gate's business.
    expect(judge(late({ currentPhase: 1 }), both, NOW).kind).toBe('advance');
  });

  it("in the user's own words where the user's limit is broken as well", () => {
    const only = ten({ started: 1, rolledBack: 1 });
    expect(judge(gate(), only, NOW).code).toBe('threshold_exceeded');
  });

  it.each([
    ['the user tolerates 20 %', 0.2, { started: 1000, confirmed: 960, failed: 40 }],
    ['every device may fail', 1, { started: 1000, failed: 1000 }],
  ])('not when %s', (_name, errorThreshold, counts) => {
    const judgement = judge(late({ errorThreshold }), seen(canary(counts)), NOW);
    expect(judgement.kind).toBe('advance');
  });

  it('not when failures merely report before successes', () => {
    const early = canary({ started: 1000, failed: 10 });
    expect(judge(late(), seen(early), NOW)).toMatchObject({ kind: 'hold' });
  });

  it('keeps the numbers of a verdict that does not pause', () => {
    const { evidence } = judge(gate(), ten(done), NOW);
    expect(evidence).toMatchObject({ outcomes: { failures: 0, successes: 1, breach: null } });
  });
});

describe('hold', () => {
  it('when the warehouse is unavailable, and keeps what had settled', () => {
    const judgement = judge(
      gate({ settledAtMs: 5 }),
      { kind: 'unavailable', reason: 'refused' },
      NOW,
    );
    expect(judgement).toMatchObject({
      kind: 'hold',
      code: 'warehouse_unavailable',
      settledAtMs: 5,
    });
    expect(judgement.words).toContain('refused');
  });

  it.each([
    ['no data at all', ten({}), 'no_data', '0 of 1 canary devices finished'],
    ['no phases counted', seen(), 'no_data', 'canary has not been counted'],
    [
      'devices under way',
      ten({ started: 1 }),
      'awaiting_devices',
      '0 of 1 canary devices finished',
    ],
    [
      'a canary in maintenance',
      ten({ inMaintenance: 1 }),
      'no_data',
      '0 of 1 canary devices finished, 1 in maintenance',
    ],
  ])('on %s', (_name, observation, code, words) => {
    expect(judge(gate(), observation, NOW)).toMatchObject({ kind: 'hold', code, words });
  });

  it('for an earlier phase whose failed device is offered the update again', () => {
    const state = gate({ round: 2, currentPhase: 2 });
    const judgement = judge(state, ten({}, done), NOW);
    expect(judgement).toMatchObject({ kind: 'hold', words: '0 of 1 canary devices finished' });
  });

  it('when all canaries were retired before they showed anything', () => {
    const judgement = judge(gate(), ten({ devices: 0 }), NOW);
    expect(judgement).toMatchObject({ kind: 'hold', code: 'no_data' });
  });

  it('for the soak time, counted from when the gate saw the phase settle', () => {
    const state = gate({ soakMs: 5000 });
    const first = judge(state, ten(done), NOW);
    expect(first).toMatchObject({ kind: 'hold', code: 'soaking', settledAtMs: NOW });
    expect(first.words).toBe('canary is done and rests for another 5 s');
    const settled = { ...state, settledAtMs: first.settledAtMs };
    expect(judge(settled, ten(done), NOW + 4999)).toMatchObject({ kind: 'hold', code: 'soaking' });
    expect(judge(settled, ten(done), NOW + 5000)).toMatchObject({ kind: 'advance' });
  });

  it('forgets the soak when a new device joins the phase', () => {
    const state = gate({ soakMs: 5000, settledAtMs: NOW - 1000 });
    expect(judge(state, ten({ devices: 2, ...done }), NOW)).toMatchObject({ settledAtMs: null });
  });
});

describe('go on', () => {
  it('to the next phase, and past a phase that adds nobody', () => {
    expect(judge(gate(), ten(done), NOW)).toMatchObject({
      kind: 'advance',
      words: '1 of 1 devices confirmed',
    });
    const empty = ten(done, { devices: 0 });
    expect(judge(gate({ currentPhase: 2 }), empty, NOW)).toMatchObject({ kind: 'advance' });
  });

  it('completes the last phase, without a rest', () => {
    const state = gate({ currentPhase: 3, soakMs: 60_000 });
    const all = ten(done, done, { started: 8, confirmed: 8 });
    expect(judge(state, all, NOW)).toMatchObject({
      kind: 'complete',
      words: '10 of 10 devices confirmed',
    });
  });
});

describe('any observation', () => {
  const phaseArbitrary = fc
    .record({
      devices: fc.nat(30),
      confirmed: fc.nat(10),
      failed: fc.nat(3),
      rolledBack: fc.nat(3),
      silent: fc.nat(3),
      open: fc.nat(5),
    })
    .map(({ open, ...p }) => ({
      ...p,
      started: p.confirmed + p.failed + p.rolledBack + p.silent + open,
    }));

  it('goes on only when every reached device finished, within the limit, on evidence', () => {
    fc.assert(
      fc.property(
        fc.array(phaseArbitrary, { minLength: 1, maxLength: 5 }),
        fc.nat(4),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 20 }),
        (list, current, errorThreshold, minSample) => {
          const phases = list.map((over, i) => observedPhase(i + 1, over));
          const currentPhase = Math.min(current + 1, phases.length);
          const state = gate({
            phaseCount: phases.length,
            currentPhase,
            errorThreshold,
            minSample,
          });
          const { kind } = judge(state, seen(...phases), NOW);
          const reached = phases.slice(0, currentPhase);
          const broken = reached.some((p) => {
            const finished = finishedOf(p);
            return finished >= p.devices && finished > 0 && errorsOf(p) / finished > errorThreshold;
          });
          if (kind === 'advance' || kind === 'complete') {
            expect(reached.every((p) => finishedOf(p) >= p.devices)).toBe(true);
            expect(reached.some((p) => finishedOf(p) > 0)).toBe(true);
            expect(kind === 'complete').toBe(currentPhase === phases.length);
          }
          // A phase that ended above the limit pauses, whatever the others did.
          if (broken) expect(kind).toBe('pause');
          if (reached.every((p) => errorsOf(p) === 0)) expect(kind).not.toBe('pause');
        },
      ),
      { numRuns: 500 },
    );
  });
});
