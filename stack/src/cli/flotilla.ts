import { overviewOf, runCommand, type Command, type Group } from './command.ts';
import { CAMPAIGN_COMMANDS } from './commands/campaign-commands.ts';
import { DEVICE_COMMANDS } from './commands/device-commands.ts';
import { FIRMWARE_COMMANDS } from './commands/firmware-commands.ts';
import { candidates, COMPLETION_SCRIPTS } from './completion.ts';
import { CONNECTION_OPTIONS, connect } from './connection.ts';
import { runDeadLetters } from './dead-letters.ts';
import { runKeys } from './keys.ts';
import { UsageError } from './outcome.ts';
import { runRelease } from './release.ts';
import { runRoot } from './root.ts';

const SHELLS = Object.keys(COMPLETION_SCRIPTS);

const COMPLETION: Command = {
  name: 'completion',
  argument: { name: 'SHELL', kind: 'text' },
  summary: `completion for ${SHELLS.join(', ')}: source <(flotilla completion bash)`,
  run({ argument }) {
    const script = COMPLETION_SCRIPTS[argument];
    if (script === undefined) throw new UsageError(`for ${SHELLS.join(', ')}, not for ${argument}`);
    process.stdout.write(script);
    return Promise.resolve();
  },
};

const GROUPS: readonly Group[] = [
  { title: 'Campaigns', commands: CAMPAIGN_COMMANDS },
  { title: 'Firmware', commands: FIRMWARE_COMMANDS },
  { title: 'Devices', commands: DEVICE_COMMANDS },
  { title: 'Shell', commands: [COMPLETION] },
];
const COMMANDS = GROUPS.flatMap(({ commands }) => commands);

/** Their arguments are their own. */
const PASSED_ON: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  keys: runKeys,
  release: runRelease,
  root: runRoot,
  'dead-letters': runDeadLetters,
};

const MORE = `keys … | release … | root …          keys, signatures by several people, and who may sign
dead-letters …                       records the pipeline could not read

All take --url (default ${CONNECTION_OPTIONS.url.default}), --data (default .flotilla: the operator token)
and --json. Exit codes: 0 done; 1 refused, or not answered; 2 the call was wrong;
campaign watch: 4 paused, 5 aborted or rolled back, 6 timeout.
`;

/** Runs the command line `flotilla ARGS`; gives its exit code. */
export async function flotilla(args: readonly string[]): Promise<number> {
  const [first = '', second = '', ...rest] = args;
  const passedOn = PASSED_ON[first];
  if (passedOn !== undefined) return passedOn(args.slice(1));
  if (first === 'complete') return complete(second === '--' ? rest : [second, ...rest]);
  const command =
    COMMANDS.find(({ name }) => name === `${first} ${second}`) ??
    COMMANDS.find(({ name }) => name === first);
  if (command !== undefined) {
    return runCommand(command, command.name === first ? args.slice(1) : rest);
  }
  const isHelp = ['', 'help', '--help', '-h'].includes(first);
  const out = isHelp ? process.stdout : process.stderr;
  if (!isHelp) out.write(`there is no command ${[first, second].join(' ').trim()}\n\n`);
  out.write(overviewOf(GROUPS, MORE));
  return isHelp ? 0 : 2;
}

async function complete(words: readonly string[]): Promise<number> {
  const { url, data } = CONNECTION_OPTIONS;
  const api = () => connect({ url: url.default, data: data.default });
  const found = await candidates(COMMANDS, Object.keys(PASSED_ON), words, api);
  process.stdout.write(found.map((word) => `${word}\n`).join(''));
  return 0;
}
