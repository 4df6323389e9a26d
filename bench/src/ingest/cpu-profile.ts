import { readFile } from 'node:fs/promises';

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface ProfileEntry {
  readonly place: string;
  /** Share of the time that was not idle, 0 to 1. */
  readonly share: number;
}

/** Functions by the time spent in themselves, of a profile that `node --cpu-prof` wrote. */
export async function topEntries(file: string, count: number): Promise<ProfileEntry[]> {
  const profile = JSON.parse(await readFile(file, 'utf8')) as CpuProfile;
  const placeOf = new Map(profile.nodes.map(({ id, callFrame }) => [id, describe(callFrame)]));
  const times = new Map<string, number>();
  let total = 0;
  for (const [i, id] of profile.samples.entries()) {
    const place = placeOf.get(id) ?? '';
    if (place.startsWith('(idle)')) continue;
    const time = profile.timeDeltas[i] ?? 0;
    times.set(place, (times.get(place) ?? 0) + time);
    total += time;
  }
  return [...times]
    .sort((a, b) => b[1] - a[1])
    .slice(0, count)
    .map(([place, time]) => ({ place, share: time / total }));
}

function describe({ functionName, url }: { functionName: string; url: string }): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  const file = url.split('/').slice(-2).join('/');
  return file === '' ? name : `${name} ${file}`;
}
