import { describe, expect, it } from 'vitest';
import { STATUSES_WORST_FIRST } from '../../src/device/health-order.ts';
import { versionSpread } from '../../src/fleet/version-spread.ts';

describe('health', () => {
  it('puts what is unknown before what is healthy', () => {
    expect(STATUSES_WORST_FIRST).toEqual(['critical', 'degraded', 'unknown', 'healthy']);
  });
});

describe('versionSpread', () => {
  it('gives shares of the whole, newest first, devices without firmware last', () => {
    const spread = versionSpread([
      { version: null, devices: 1 },
      { version: '1.0.0', devices: 1 },
      { version: '1.10.0', devices: 2 },
      { version: '1.9.0', devices: 6 },
    ]);
    expect(spread).toEqual([
      { version: '1.10.0', devices: 2, share: 0.2 },
      { version: '1.9.0', devices: 6, share: 0.6 },
      { version: '1.0.0', devices: 1, share: 0.1 },
      { version: null, devices: 1, share: 0.1 },
    ]);
  });

  it('is empty for an empty fleet', () => {
    expect(versionSpread([])).toEqual([]);
  });
});
