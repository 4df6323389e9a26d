import { readFile } from 'node:fs/promises';

/** The kernel's clock ticks per second as user space sees them; 100 on every Linux of today. */
const TICKS_PER_SECOND = 100;

/** User and system time in seconds. */
export interface CpuTime {
  /** Of the process and its ended children. */
  readonly total: number;
  /** Of its first thread: of a Node process all JavaScript, and none of libuv's pool or the engine. */
  readonly mainThread: number;
}

/** As proc(5) says. */
export async function cpuTimeOf(pid: number): Promise<CpuTime> {
  const [process, thread] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/task/${pid}/stat`, 'utf8'),
  ]);
  // utime, stime, cutime and cstime: of a thread only the first two are its own.
  return { total: seconds(process, 4), mainThread: seconds(thread, 2) };
}

/** The command's name, field 2, may hold spaces; utime is field 14. */
function seconds(stat: string, fieldCount: number): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 11 + fieldCount).reduce((sum, field) => sum + Number(field), 0);
  return ticks / TICKS_PER_SECOND;
}

/** Peak resident memory of the process in bytes (VmHWM of proc(5)). */
export function peakMemoryOf(pid: number): Promise<number> {
  return memoryField(pid, 'VmHWM');
}

/** Resident memory of the process in bytes (VmRSS of proc(5)). */
export function residentMemoryOf(pid: number): Promise<number> {
  return memoryField(pid, 'VmRSS');
}

/**
 * Memory that is the process's alone, in bytes: its anonymous pages, resident or swapped out (RssAnon and
 * VmSwap of proc(5)). What the kernel reclaims meanwhile changes nothing in it, other than in VmRSS.
 */
export async function privateMemoryOf(pid: number): Promise<number> {
  return (await memoryField(pid, 'RssAnon')) + (await memoryField(pid, 'VmSwap'));
}

async function memoryField(pid: number, field: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (kib === undefined) throw new Error(`/proc/${pid}/status has no ${field}`);
  return Number(kib) * 1024;
}
