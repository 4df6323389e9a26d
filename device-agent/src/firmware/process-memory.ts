import { readdir, readFile } from 'node:fs/promises';

/**
 * Resident memory of a process group, in bytes: VmRSS of /proc/<pid>/status (proc(5)) of every member.
 * Null when nothing of the group runs any more, or on a system without /proc.
 */
export async function groupRssBytes(groupId: number): Promise<number | null> {
  let total: number | null = null;
  for (const name of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(name) || (await groupOf(name)) !== groupId) continue;
    const rss = await rssBytes(name);
    if (rss !== null) total = (total ?? 0) + rss;
  }
  return total;
}

/** Field 5 of /proc/<pid>/stat; the second one, the program's name, may hold spaces and brackets. */
async function groupOf(pid: string): Promise<number | null> {
  const stat = await readOrNull(`/proc/${pid}/stat`);
  const group = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[2];
  return group === undefined ? null : Number(group);
}

/** A zombie has none. */
async function rssBytes(pid: string): Promise<number | null> {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec((await readOrNull(`/proc/${pid}/status`)) ?? '');
  return kilobytes?.[1] === undefined ? null : Number(kilobytes[1]) * 1024;
}

/** A process may end between two looks at it. */
async function readOrNull(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(() => null);
}
