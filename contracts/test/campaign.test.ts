import { describe, expect, it } from 'vitest';
import { campaignCreateSchema } from '../src/index.ts';

const base = { name: 'Spring', firmwareId: 'fw_0123456789ab' };

describe('campaignCreateSchema', () => {
  it('fills in 1, 10 and 100 percent, 5 % and ten devices', () => {
    expect(campaignCreateSchema.parse(base)).toMatchObject({
      phases: [{ percent: 1 }, { percent: 10 }, { percent: 100 }],
      errorThreshold: 0.05,
      minSample: null,
    });
  });

  it.each([
    [{ phases: [{ percent: 10 }, { percent: 5 }, { percent: 100 }] }, 'percentages must rise'],
    [{ phases: [{ percent: 10 }] }, 'the last phase must be 100 percent'],
    [{ phases: [] }, 'Too small'],
    [{ phases: [{ percent: 0 }, { percent: 100 }] }, 'Too small'],
    [{ errorThreshold: 1.1 }, 'Too big'],
    [{ minSample: 0 }, 'Too small'],
    [{ name: '   ' }, 'Too small'],
    [{ firmwareId: '../../etc' }, 'must look like fw_'],
    [{ color: 'red' }, 'Unrecognized key'],
  ])('refuses %j', (change, message) => {
    const result = campaignCreateSchema.safeParse({ ...base, ...change });
    expect(result.error?.issues.map((issue) => issue.message).join()).toContain(message);
  });
});
