import { describe, expect, it } from 'vitest';
import { partialSuccess } from '../../src/telemetry/partial-success.ts';

describe('partialSuccess', () => {
  const partial = Uint8Array.of(0x0a, 6, 0x08, 3, 0x12, 2, 0x6e, 0x6f);

  it.each(['/v1/logs', '/v1/metrics'] as const)('reads what %s did not take', (path) => {
    expect(partialSuccess(path, partial)).toEqual({ rejected: 3, reason: 'no' });
  });
  it('is null when all was taken', () => {
    expect(partialSuccess('/v1/logs', new Uint8Array())).toBeNull();
  });
  it('says so when the answer is something else', () => {
    const page = new TextEncoder().encode('<html>hello</html>');
    expect(partialSuccess('/v1/metrics', page)?.rejected).toBe(0);
    expect(partialSuccess('/v1/metrics', page)?.reason).toMatch('could not be decoded');
  });
});
