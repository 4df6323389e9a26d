import { inspect } from 'node:util';
import { nodeVersionProblem } from '../node-version.ts';
import { Shutdown } from '../shutdown.ts';
import { gatherEvidence } from '../story/evidence.ts';
import { playStory } from '../story/story.ts';
import { openTheatre } from '../story/theatre.ts';
import { formatChecks, judgeDemo } from './verdict.ts';

const STEP_TIMEOUT_MS = 90_000;

let ok = false;
const startedAtMs = Date.now();
const say = (text: string) => {
  const seconds = ((Date.now() - startedAtMs) / 1000).toFixed(1).padStart(6);
  process.stdout.write(`${seconds} s  ${text}\n`);
};

/** Plays the story and returns whether everything it promises happened. */
async function demo(shutdown: Shutdown): Promise<boolean> {
  const theatre = await openTheatre(shutdown, {
    say,
    stepTimeoutMs: STEP_TIMEOUT_MS,
    keepFolder: () => !ok,
  });
  say(`console: ${theatre.addresses.console}`);
  const evidence = await gatherEvidence(theatre, await playStory(theatre.stage));
  const checks = judgeDemo(evidence, theatre.members.length);
  const met = checks.every((check) => check.met);
  const seconds = (Date.now() - startedAtMs) / 1000;
  process.stdout.write(`\n${formatChecks(checks)}\n\n`);
  process.stdout.write(`${JSON.stringify({ demo: 'story', ok: met, seconds, ...evidence })}\n`);
  return met;
}

const problem = nodeVersionProblem(process.version);
if (problem !== null) {
  process.stderr.write(`${problem}\n`);
  process.exit(2);
}
const shutdown = new Shutdown();
shutdown.onSignals((text) => process.stderr.write(`${text}\n`));
try {
  ok = await demo(shutdown);
} catch (error) {
  process.stderr.write(`the demo failed: ${inspect(error)}\n`);
} finally {
  await shutdown.run();
}
process.exit(ok ? 0 : 1);
