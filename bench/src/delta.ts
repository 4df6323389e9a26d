import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { corpusPairs } from './delta/corpus.ts';
import { canMeasure } from './delta/measured-command.ts';
import { measurePair, type PairResult } from './delta/pair-results.ts';
import { findPeers } from './delta/peers.ts';
import { NotAvailable } from './delta/registry.ts';
import { goalsOf, printResults } from './delta/report.ts';
import { ResultCache } from './delta/result-cache.ts';
import type { BenchResult } from './harness/bench.ts';
import { describeMachine } from './harness/machine.ts';

const RESULTS = resolve(import.meta.dirname, '../../node_modules/.cache/flotilla/delta-results');

/**
 * Question: how large are our patches beside those of bsdiff, xdelta3, zstd, detools and HDiffPatch,
 * each at the best of its settings, and what do making and applying them cost in CPU and memory?
 * Load: pairs of published software, from their registries, pinned and kept; offline they are left
 * out. `--large` adds those that take peers minutes and gigabytes, `--only TEXT` takes the pairs with
 * that in their names, `-- delta BASE TARGET [BASE TARGET …]` adds files. Results are kept in `--work`,
 * by pair, tool and version: a run cut short goes on there; `--fresh` measures all anew.
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      large: { type: 'boolean', default: false },
      fresh: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      work: { type: 'string', default: RESULTS },
    },
  });
  const { peers, skipped } = findPeers();
  if (!canMeasure()) skipped.push('every peer: GNU time is not at /usr/bin/time');
  const used = canMeasure() ? peers : [];
  const machine = describeMachine();
  console.log('Patch size against peers; cost of making and applying.');
  console.log(`Machine: ${JSON.stringify(machine)}`);
  console.log(`Peers: ${used.map((peer) => `${peer.name} ${peer.version}`).join('; ')}`);
  for (const reason of skipped) console.log(`Skipped peer ${reason}`);

  if (values.fresh) await rm(values.work, { recursive: true, force: true });
  await mkdir(values.work, { recursive: true });
  const cache = new ResultCache(values.work);
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-bench-'));
  const results: PairResult[] = [];
  const missing: string[] = [];
  try {
    for (const { name, isLarge, load } of corpusPairs(positionals)) {
      if (!name.includes(values.only)) continue;
      if (isLarge && !values.large) {
        missing.push(`${name}: large; ask for it by --large`);
        continue;
      }
      try {
        const result = await measurePair(await load(), used, folder, cache);
        results.push(result);
        console.log(`Measured ${name}: ${result.own.patchBytes} bytes`);
      } catch (error) {
        if (!(error instanceof NotAvailable)) throw error;
        missing.push(`${name}: ${error.message}`);
      }
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  for (const name of missing) console.log(`Skipped pair ${name}`);
  for (const failure of results.flatMap((result) => result.failures)) {
    console.log(`Failed ${failure}`);
  }
  const names = used.map((peer) => peer.name);
  printResults(results, names);
  return { figures: { machine, skipped, missing, pairs: results }, goals: goalsOf(results) };
}
