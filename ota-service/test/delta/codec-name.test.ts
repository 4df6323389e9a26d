import { expect, it } from 'vitest';
import { DELTA_CODEC } from '@flotilla/contracts';
import { CODEC_NAME } from '@flotilla/delta';

it('offers deltas under the name of the codec that made them', () => {
  expect(CODEC_NAME).toBe(DELTA_CODEC);
});
