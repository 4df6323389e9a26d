import { vi } from 'vitest';
import { flotilla } from '../../src/cli/flotilla.ts';

export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command line in this process, with what it says. */
export async function capturedRun(args: readonly string[]): Promise<Run> {
  const said = { out: '', err: '' };
  const take = (to: 'out' | 'err') => (text: unknown) => {
    said[to] += String(text);
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(take('out'));
  vi.spyOn(process.stderr, 'write').mockImplementation(take('err'));
  try {
    return { code: await flotilla(args), ...said };
  } finally {
    vi.restoreAllMocks();
  }
}
