import { readdir } from 'node:fs/promises';
import { describeGoal, type BenchModule } from './harness/bench.ts';

/** This file lies beside the benches. */
const RUNNER = 'main.ts';

async function benchNames(): Promise<string[]> {
  const entries = await readdir(import.meta.dirname, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && entry.name !== RUNNER)
    .map((entry) => entry.name.slice(0, -'.ts'.length))
    .sort();
}

/** `npm run bench -- NAME [arguments]`. Exits 1 when a goal is missed, 2 for an unknown name. */
async function main(name: string | undefined, args: readonly string[]): Promise<number> {
  const names = await benchNames();
  if (name === undefined || !names.includes(name)) {
    const said = name === undefined ? 'Which bench?' : `There is no bench "${name}".`;
    console.error(`${said} Known: ${names.join(', ')}`);
    return 2;
  }
  const bench = (await import(`./${name}.ts`)) as BenchModule;
  const { figures, goals } = await bench.run(args);
  for (const goal of goals) console.log(describeGoal(goal));
  console.log(JSON.stringify({ bench: name, figures, goals }));
  return goals.every((goal) => goal.met !== false) ? 0 : 1;
}

process.exitCode = await main(process.argv[2], process.argv.slice(3));
