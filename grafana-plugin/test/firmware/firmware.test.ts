import { describe, expect, it } from 'vitest';
import { deltaSaving } from '../../src/firmware/delta-saving.ts';
import { byModel } from '../../src/firmware/firmware-order.ts';
import { storyFleet } from '../../src/testing/fake-fleet.ts';

const { firmware } = storyFleet(Date.parse('2026-03-01T12:00:00Z'));
const ready = firmware.flatMap(({ deltas }) => deltas).find(({ state }) => state === 'ready')!;

describe('deltaSaving', () => {
  it('compares with the full transfer, not with the unpacked size', () => {
    const saving = deltaSaving({ fullTransferBytes: 1000 }, { ...ready, sizeBytes: 80 })!;
    expect(saving.savedShare).toBeCloseTo(0.92);
    expect(saving.barPercent).toBeCloseTo(8);
  });

  it('says so when a delta is larger than the whole', () => {
    const saving = deltaSaving({ fullTransferBytes: 1000 }, { ...ready, sizeBytes: 1500 })!;
    expect(saving.savedShare).toBeLessThan(0);
    expect(saving.barPercent).toBe(100);
  });

  it.each(['pending', 'failed', 'not_worthwhile'] as const)(
    'knows nothing of a %s delta',
    (state) => {
      expect(deltaSaving({ fullTransferBytes: 1000 }, { ...ready, state })).toBeNull();
    },
  );
});

describe('byModel', () => {
  it('groups by model, newest version first', () => {
    const other = { ...firmware[0]!, model: 'gateway-b', version: '1.10.0' };
    const older = { ...firmware[0]!, model: 'gateway-b', version: '1.9.0' };
    const models = byModel([...firmware, older, other]);
    expect(models.map(({ model }) => model)).toEqual(['gateway-b', 'sensor-a']);
    expect(models[0]!.versions.map(({ version }) => version)).toEqual(['1.10.0', '1.9.0']);
  });
});
