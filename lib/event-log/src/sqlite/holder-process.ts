import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Names a process so that a later one with the same pid is not taken for it. */
export interface ProcessIdentity {
  /** Boot and pid namespace on Linux, else the host's name: within one of them pids are comparable. */
  readonly host: string;
  readonly pid: number;
  /** Start time in clock ticks since boot (proc(5), stat field 22); '' where there is no /proc. */
  readonly processStart: string;
}

export function ownIdentity(pid: number): ProcessIdentity {
  return { host: pidSpace(), pid, processStart: readProcess(pid)?.start ?? '' };
}

/** 'unknown' when the process belongs to another host or container. */
export function processState(
  holder: ProcessIdentity,
  own: ProcessIdentity,
): 'alive' | 'gone' | 'unknown' {
  if (holder.host !== own.host) return 'unknown';
  if (own.processStart === '') return answersSignal(holder.pid) ? 'alive' : 'gone';
  const process = readProcess(holder.pid);
  // A zombie has ended and only waits to be reaped (proc(5), stat field 3).
  if (process === null || process.state === 'Z' || process.state === 'X') return 'gone';
  return process.start === holder.processStart ? 'alive' : 'gone';
}

function pidSpace(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    // No /proc (macOS): processes are told apart by host alone.
    return hostname();
  }
}

function readProcess(pid: number): { state: string; start: string } | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // No such process, or no /proc; the caller tells these apart by its own entry.
    return null;
  }
  // The name in field 2 may hold spaces and brackets, so count from its end: fields 3 and 22.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', start: fields[19] ?? '' };
}

function answersSignal(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
