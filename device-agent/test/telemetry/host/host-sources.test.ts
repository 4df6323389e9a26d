import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CpuSource,
  parseProcStat,
  utilizationBetween,
  type CpuTimes,
} from '../../../src/telemetry/host/cpu.ts';
import { filesystemUse } from '../../../src/telemetry/host/filesystem.ts';
import { parseMeminfo } from '../../../src/telemetry/host/memory.ts';
import { parseMillidegrees } from '../../../src/telemetry/host/temperature.ts';

const PROC_STAT = `cpu  12239 0 3773 231572 437 0 169 32 0 0
cpu0 5224 0 1418 117358 45 0 63 17 0 0
cpu1 7015 0 2355 114214 391 0 105 15 0 0
intr 1203345 0 0 0 0 0
ctxt 2103372
btime 1795491000
`;
/** As Linux 2.4 wrote it, and BusyBox-sized boards may still. */
const OLD_PROC_STAT = 'cpu  100 10 50 840\ncpu0 100 10 50 840\n';

describe('/proc/stat', () => {
  it('adds up the busy and the total time of all processors', () => {
    expect(parseProcStat(PROC_STAT)).toEqual({
      busyTicks: 12239 + 3773 + 169 + 32,
      totalTicks: 12239 + 3773 + 231572 + 437 + 169 + 32,
    });
  });
  it('reads the short form', () => {
    expect(parseProcStat(OLD_PROC_STAT)).toEqual({ busyTicks: 160, totalTicks: 1000 });
  });
  it('counts guest time once: it is part of user time', () => {
    expect(parseProcStat('cpu  50 5 0 45 0 0 0 0 50 5\n')).toEqual({
      busyTicks: 55,
      totalTicks: 100,
    });
  });
  it.each(['', 'cpu0 1 2 3 4\n', 'cpu  1 2\n', 'cpu  a b c d\n'])(
    'has no answer for %j',
    (text) => {
      expect(parseProcStat(text)).toBeNull();
    },
  );
});

describe('cpu utilization', () => {
  const times = (busyTicks: number, totalTicks: number): CpuTimes => ({ busyTicks, totalTicks });

  it('is the busy share between two readings', () => {
    expect(utilizationBetween(times(100, 1000), times(150, 1200))).toBe(0.25);
  });
  it('is unknown when too little time has passed', () => {
    expect(utilizationBetween(times(100, 1000), times(110, 1010))).toBeNull();
  });
  it('stays within 0 and 1 whatever the counters do', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(), fc.nat(), (a, b, c, d) => {
        const value = utilizationBetween(times(a, b), times(c, d));
        if (value !== null) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
  it('measures from the last reading that was far enough away', async () => {
    const readings = [times(0, 0), times(1, 5), times(50, 100), times(51, 105), times(60, 200)];
    const source = new CpuSource(async () => readings.shift()!);
    const seen = [];
    while (readings.length > 0) seen.push(await source.read());
    expect(seen).toEqual([null, null, 0.5, 0.5, 0.1]);
  });
  it('starts again when the counters fell', async () => {
    const readings = [times(0, 0), times(50, 100), times(0, 10), times(30, 110)];
    const source = new CpuSource(async () => readings.shift()!);
    const seen = [];
    while (readings.length > 0) seen.push(await source.read());
    expect(seen).toEqual([null, 0.5, 0.5, 0.3]);
  });
});

describe('/proc/meminfo', () => {
  it('counts as used what is not available', () => {
    const text = `MemTotal:       24683656 kB
MemFree:        24142268 kB
MemAvailable:   24315076 kB
Buffers:            5608 kB
Cached:           341916 kB
SwapCached:            0 kB
`;
    expect(parseMeminfo(text)).toEqual({
      totalBytes: 24683656 * 1024,
      usedBytes: (24683656 - 24315076) * 1024,
    });
  });
  it('estimates the available memory on kernels before 3.14', () => {
    const text = 'MemTotal: 1000 kB\nMemFree: 300 kB\nBuffers: 50 kB\nCached: 150 kB\n';
    expect(parseMeminfo(text)).toEqual({ totalBytes: 1000 * 1024, usedBytes: 500 * 1024 });
  });
  it.each(['', 'MemTotal: 0 kB\nMemAvailable: 0 kB\n', 'MemTotal: 10 kB\n'])(
    'has no answer for %j',
    (text) => {
      expect(parseMeminfo(text)).toBeNull();
    },
  );
});

describe('file system', () => {
  it('counts like df: full when an ordinary process cannot write', () => {
    const use = filesystemUse({ bsize: 4096, blocks: 1000, bfree: 50, bavail: 0 });
    expect(use).toEqual({
      usedBytes: 950 * 4096,
      freeBytes: 0,
      reservedBytes: 50 * 4096,
      utilization: 1,
    });
  });
  it('has no answer for a pseudo file system', () => {
    expect(filesystemUse({ bsize: 4096, blocks: 0, bfree: 0, bavail: 0 })).toBeNull();
  });
});

describe('temperature', () => {
  it.each([
    ['48312\n', 48.312],
    ['-5000\n', -5],
    ['0', 0],
    ['-274000\n', null],
    ['2147483647\n', null],
    ['', null],
    ['N/A\n', null],
  ])('reads %j as %j', (text, expected) => {
    expect(parseMillidegrees(text)).toBe(expected);
  });
});
