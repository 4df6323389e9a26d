import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorsOf, finishedOf } from '../../../src/campaigns/domain/observation.ts';
import { CampaignModel } from '../campaign-model.ts';
import { deviceNames } from '../sample-campaign.ts';

type Step = (model: CampaignModel) => void;

/** One evaluation, with what must hold of it. */
const evaluate: Step = (model) => {
  const before = model.campaign;
  const observation = model.observe();
  if (observation.kind !== 'observed') throw new Error('the model always observes');
  for (const phase of observation.phases) {
    expect(finishedOf(phase)).toBeLessThanOrEqual(phase.started);
    expect(phase.started).toBeLessThanOrEqual(phase.devices);
  }
  const judgement = model.evaluate(observation);
  if (model.campaign.currentPhase > before.currentPhase || model.campaign.status === 'completed') {
    if (before.status !== 'running') return;
    const reached = observation.phases.slice(0, before.currentPhase);
    expect(['advance', 'complete']).toContain(judgement?.kind);
    expect(reached.some((phase) => finishedOf(phase) > 0)).toBe(true);
    for (const phase of reached) {
      expect(finishedOf(phase)).toBe(phase.devices);
      if (phase.devices > 0) {
        expect(errorsOf(phase) / phase.devices).toBeLessThanOrEqual(before.errorThreshold);
      }
    }
    expect(model.campaign.currentPhase - before.currentPhase).toBeLessThanOrEqual(1);
  }
};

const index = fc.nat(99);
const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: index.map(
      (i): Step =>
        (model) =>
          model.poll(i),
    ),
  },
  {
    weight: 8,
    arbitrary: fc
      .tuple(index, fc.constantFrom('trial', 'confirmed', 'confirmed', 'failed', 'rolled_back'))
      .map(
        ([i, state]): Step =>
          (model) =>
            model.report(i, state),
      ),
  },
  { weight: 6, arbitrary: fc.constant(evaluate) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Step>(
      (m) => m.act('pause'),
      (m) => m.act('resume'),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constant<Step>((m) => void m.evaluate({ kind: 'unavailable', reason: 'x' })),
  },
  {
    weight: 1,
    arbitrary: fc.nat(40_000).map(
      (ms): Step =>
        (model) =>
          void (model.nowMs += ms),
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(index, fc.constantFrom('retired', 'maintenance', 'active'))
      .map(([i, lifecycle]): Step => (model) => {
        if (model.device(i).lifecycle !== 'retired') model.device(i).lifecycle = lifecycle;
      }),
  },
);

describe('any sequence of polls, reports, actions and evaluations', () => {
  it('exposes nobody outside the phase, nobody while paused, and never goes on without evidence', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.constantFrom(0, 0.05, 0.3),
        fc.array(stepArbitrary, { maxLength: 120 }),
        (count, errorThreshold, steps) => {
          const model = new CampaignModel(deviceNames(count), {
            errorThreshold,
            deadlineMs: 30_000,
          });
          for (const step of steps) step(model);
          for (const { deviceId, offer, status, currentPhase } of model.offers) {
            expect(status).toBe('running');
            expect(offer.phase).toBe(model.phaseOf(deviceId));
            expect(offer.phase).toBeLessThanOrEqual(currentPhase);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it('reaches the end when every device confirms, in as many steps as there are phases', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), (count) => {
        const model = new CampaignModel(deviceNames(count), {});
        const exposed: number[] = [];
        for (let round = 0; round < model.campaign.phases.length; round += 1) {
          for (let i = 0; i < count; i += 1) {
            model.poll(i);
            model.report(i, 'confirmed');
          }
          exposed.push(model.attempts.size);
          evaluate(model);
        }
        expect(model.campaign.status).toBe('completed');
        expect(exposed.at(-1)).toBe(count);
        expect(exposed[0]).toBe(1);
      }),
    );
  });

  it('exposes one device of ten to a firmware that fails, resumes and all', () => {
    const model = new CampaignModel(deviceNames(10), {});
    for (let round = 1; round <= 3; round += 1) {
      for (let i = 0; i < 10; i += 1) {
        model.poll(i);
        model.report(i, 'rolled_back');
      }
      evaluate(model);
      expect(model.campaign).toMatchObject({ status: 'paused', round, currentPhase: 1 });
      expect(model.attempts.size).toBe(1);
      model.act('resume');
    }
  });

  it('pauses on a device that goes silent, and takes its late confirmation', () => {
    const model = new CampaignModel(deviceNames(10), { deadlineMs: 30_000 });
    for (let i = 0; i < 10; i += 1) model.poll(i);
    for (let i = 0; i < 10; i += 1) model.report(i, 'trial');
    model.nowMs = 30_000;
    expect(model.evaluate()).toMatchObject({ kind: 'hold', code: 'awaiting_devices' });
    model.nowMs = 30_001;
    expect(model.evaluate()).toMatchObject({ kind: 'pause' });
    for (let i = 0; i < 10; i += 1) model.report(i, 'confirmed');
    model.act('resume');
    expect(model.evaluate()).toMatchObject({ kind: 'advance' });
  });
});
