import { expect, it } from 'vitest';
import { parseDiskStats } from '../../../src/telemetry/host/disk-io.ts';
import { parseNetDev } from '../../../src/telemetry/host/network.ts';

const HEADER = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
`;

it('reads interfaces by direction, without those that carry the same bytes again', () => {
  const text = `${HEADER}    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0
  eth0:2538693182   65423    1    2    0     0          0         0  4484637   40888    3    4    0     0       0          0
veth12: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0
`;
  expect(parseNetDev(text)).toEqual([
    {
      name: 'eth0',
      receiveBytes: 2538693182,
      receiveErrors: 1,
      receiveDropped: 2,
      transmitBytes: 4484637,
      transmitErrors: 3,
      transmitDropped: 4,
    },
  ]);
});

it('bounds the interfaces', () => {
  const lines = Array.from({ length: 40 }, (_, n) => `wan${n}: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0`);
  expect(parseNetDev(HEADER + lines.join('\n'))).toHaveLength(8);
  expect(parseNetDev('')).toEqual([]);
});

it('counts whole disks in bytes', () => {
  const text = `   7       0 loop0 1 0 2 0 0 0 0 0 0 0 0
 179       0 mmcblk0 10 0 20 5 30 0 40 5 0 9 9
 179       1 mmcblk0p1 1 0 2 0 0 0 0 0 0 0 0
   8       0 sda 1 0 2 0 3 0 4 0 0 0 0
   8       1 sda1 1 0 2 0 3 0 4 0 0 0 0
`;
  expect(parseDiskStats(text)).toEqual([
    { device: 'mmcblk0', reads: 10, readBytes: 10_240, writes: 30, writtenBytes: 20_480 },
    { device: 'sda', reads: 1, readBytes: 1024, writes: 3, writtenBytes: 2048 },
  ]);
  expect(parseDiskStats('garbage\n')).toEqual([]);
});
