import { readFile } from 'node:fs/promises';
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
