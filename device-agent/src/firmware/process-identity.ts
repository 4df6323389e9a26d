import { readFileSync } from 'node:fs';

/**
 * When a process started, in clock ticks since the machine did: field 22 of /proc/<pid>/stat (proc(5)).
 * Together with the id it names a process for good, since ids are used again. Null when there is none.
 */
export function processStartTime(pid: number): string | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // No such process, or a system without /proc: either way nothing can be said about it.
    return null;
  }
  // The second field, the program's name, may itself hold spaces and brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie has ended; only its parent has not looked yet.
  return fields[0] === 'Z' ? null : (fields[19] ?? null);
}
