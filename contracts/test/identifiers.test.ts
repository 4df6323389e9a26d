import { describe, expect, it } from 'vitest';
import { deviceIdSchema, versionSchema } from '../src/index.ts';

describe('versionSchema (Semantic Versioning 2.0.0)', () => {
  it.each(['0.0.0', '1.2.3', '1.0.0-alpha.1', '1.0.0+build.5', '1.0.0-x-y-z.--'])('%s', (v) => {
    expect(versionSchema.safeParse(v).success).toBe(true);
  });
  it.each(['1', '1.2', '01.2.3', '1.2.3-', '1.2.3+', 'v1.2.3', '1.2.3 ', '', '1.2.3-a..b'])(
    'not %j',
    (v) => {
      expect(versionSchema.safeParse(v).success).toBe(false);
    },
  );
});

describe('deviceIdSchema', () => {
  it.each(['a', 'device-01', 'A.b_c-9', 'x'.repeat(64)])('%s', (id) => {
    expect(deviceIdSchema.safeParse(id).success).toBe(true);
  });
  it.each(['', '.', '..', '-a', 'a/b', 'a b', 'x'.repeat(65), 'é', 'a\n'])('not %j', (id) => {
    expect(deviceIdSchema.safeParse(id).success).toBe(false);
  });
});
