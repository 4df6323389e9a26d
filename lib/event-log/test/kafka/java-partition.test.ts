import { describe, expect, it } from 'vitest';
import { javaPartition, murmur2 } from '../../src/kafka/java-partition.ts';

describe('javaPartition', () => {
  // The hashes that Kafka's own UtilsTest expects.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('hashes %j as the Java client does', (text, hash) => {
    expect(murmur2(Buffer.from(text))).toBe(hash);
    expect(javaPartition(Buffer.from(text), 7)).toBe((hash & 0x7fffffff) % 7);
  });
});
