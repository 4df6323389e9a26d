import { readdir, readFile, readlink } from 'node:fs/promises';
import { cpuTimeOf } from '../ingest/process-cost.ts';

/** What a process on this machine costs. */
export interface Server {
  readonly pid: number;
  cpuSeconds(): Promise<number>;
  residentBytes(): Promise<number>;
}

/** As proc(5) sees it. */
export function serverOf(pid: number): Server {
  return {
    pid,
    cpuSeconds: async () => (await cpuTimeOf(pid)).total,
    async residentBytes() {
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
      if (kib === undefined) throw new Error(`/proc/${pid}/status has no VmRSS`);
      return Number(kib) * 1024;
    },
  };
}

/** The process that listens on a TCP port of this machine; it must be ours to look at. */
export async function listenerOn(port: number): Promise<number> {
  const inodes = await listeningInodes(port);
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const folder = `/proc/${pid}/fd`;
    // A process may end while it is looked at.
    for (const fd of await readdir(folder).catch(() => [])) {
      const target = await readlink(`${folder}/${fd}`).catch(() => '');
      if (inodes.has(target)) return Number(pid);
    }
  }
  throw new Error(`no process that can be seen listens on port ${port}`);
}

/** proc_net_tcp(5): local address is field 1, the state (0A is LISTEN) field 3, the inode field 9. */
async function listeningInodes(port: number): Promise<Set<string>> {
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((table) => readFile(`/proc/net/${table}`, 'utf8').catch(() => '')),
  );
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const sockets = tables
    .flatMap((table) => table.split('\n'))
    .map((line) => line.trim().split(/\s+/));
  return new Set(
    sockets
      .filter((fields) => fields[1]?.endsWith(suffix) === true && fields[3] === '0A')
      .map((fields) => `socket:[${fields[9] ?? ''}]`),
  );
}
