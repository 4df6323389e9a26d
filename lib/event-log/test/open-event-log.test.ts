import { describe, expect, it } from 'vitest';
import { EventLogUrlError, openEventLog } from '../src/index.ts';
import { partitionForKey } from '../src/partition-for-key.ts';

describe('openEventLog', () => {
  it.each(['mqtt://broker:9092', '', '/var/lib/log.db', 'sqlite:', 'sqlite:log.db', 'sqlite:/a/'])(
    'refuses %j, saying what it takes',
    async (url) => {
      const opening = openEventLog(url);
      await expect(opening).rejects.toBeInstanceOf(EventLogUrlError);
      await expect(opening).rejects.toThrow(/sqlite:\//);
    },
  );

  it.each([0, -1, 1.5])('refuses %d partitions', async (partitions) => {
    await expect(openEventLog('sqlite:/nowhere/log.db', { partitions })).rejects.toThrow(
      RangeError,
    );
  });
});

describe('partitionForKey', () => {
  it('is FNV-1a (vectors of its authors) modulo the partitions', () => {
    expect(partitionForKey('a', 2 ** 32)).toBe(0xe40c292c);
    expect(partitionForKey('foobar', 2 ** 32)).toBe(0xbf9cf968);
    expect(partitionForKey('foobar', 1)).toBe(0);
    expect(partitionForKey('foobar', 7)).toBe(0xbf9cf968 % 7);
  });
});
