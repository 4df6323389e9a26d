import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Counters of one disk since boot. */
export interface DiskCounters {
  readonly device: string;
  readonly reads: number;
  readonly readBytes: number;
  readonly writes: number;
  readonly writtenBytes: number;
}

/** The kernel counts in these, whatever the disk's own sectors are (Documentation/admin-guide/iostats). */
const SECTOR_BYTES = 512;
const MAX_DISKS = 8;
const PSEUDO = /^(loop|ram|zram|fd|sr|dm-|md)/;
/** Whole disks carry their partitions' bytes; eMMC boot partitions are never in use. */
const PARTITION =
  /^(sd[a-z]+\d+|vd[a-z]+\d+|xvd[a-z]+\d+|hd[a-z]+\d+|(nvme\d+n\d+|mmcblk\d+)(p\d+|boot\d+|rpmb))$/;

/** /proc/diskstats: major, minor, name, then reads, merged, sectors, ms, and the same of writes. */
export function parseDiskStats(text: string): DiskCounters[] {
  return text
    .split('\n')
    .flatMap((line) => {
      const [, , device = '', ...rest] = line.trim().split(/ +/);
      const fields = rest.map(Number);
      if (fields.length < 8 || fields.some(Number.isNaN)) return [];
      if (PSEUDO.test(device) || PARTITION.test(device)) return [];
      const [reads = 0, , sectorsRead = 0, , writes = 0, , sectorsWritten = 0] = fields;
      const readBytes = sectorsRead * SECTOR_BYTES;
      return { device, reads, readBytes, writes, writtenBytes: sectorsWritten * SECTOR_BYTES };
    })
    .sort((a, b) => (a.device < b.device ? -1 : 1))
    .slice(0, MAX_DISKS);
}

/** Empty where there is no such file. */
export async function readDisks(procRoot = '/proc'): Promise<DiskCounters[]> {
  if (process.platform !== 'linux') return [];
  return parseDiskStats(await readFile(join(procRoot, 'diskstats'), 'utf8'));
}
