import type { ApiClient } from '../client/api-client.ts';
import { COMMON_OPTIONS, type ArgumentKind, type Command } from './command.ts';

/** For a service that does not answer at once a person does not wait. */
const ANSWER_WITHIN_MS = 1500;

/**
 * What could stand in place of the last of `words` (those after `flotilla`). Ids come from the service;
 * if that does not answer there are none.
 */
export async function candidates(
  commands: readonly Command[],
  passedOn: readonly string[],
  words: readonly string[],
  api: () => ApiClient,
): Promise<string[]> {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const command = commands.find(({ name }) => isStartOf(name.split(' '), before));
  const all =
    command === undefined
      ? nextWords([...commands.map(({ name }) => name), ...passedOn], before)
      : await forCommand(command, before.slice(command.name.split(' ').length), current, api);
  return [...new Set(all)].filter((word) => word.startsWith(current)).sort();
}

function nextWords(names: readonly string[], before: readonly string[]): string[] {
  return names.flatMap((name) => {
    const parts = name.split(' ');
    const next = parts[before.length];
    return next !== undefined && isStartOf(before, parts) ? [next] : [];
  });
}

async function forCommand(
  { argument, options: own = {} }: Command,
  given: readonly string[],
  current: string,
  api: () => ApiClient,
): Promise<string[]> {
  const options = { ...own, ...COMMON_OPTIONS };
  const previous = given.at(-1) ?? '';
  const open = previous.startsWith('--') ? options[previous.slice(2)] : undefined;
  if (open?.value !== undefined) return [...(open.choices ?? [])];
  if (current.startsWith('-') || argument === undefined) {
    return Object.keys(options).map((name) => `--${name}`);
  }
  return idsOf(argument.kind, api);
}

async function idsOf(kind: ArgumentKind, api: () => ApiClient): Promise<string[]> {
  try {
    return await Promise.race([ask(kind, api), late()]);
  } catch {
    // An error in the middle of a command line helps nobody; the command itself will tell it.
    return [];
  }
}

async function ask(kind: ArgumentKind, api: () => ApiClient): Promise<string[]> {
  const byId = (items: readonly { id: string }[]): string[] => items.map(({ id }) => id);
  if (kind === 'campaign-id') return byId(await api().campaigns());
  if (kind === 'firmware-id') return byId(await api().firmwares());
  if (kind === 'device-id') return byId((await api().devicePage({ limit: 500 })).items);
  return [];
}

const late = (): Promise<string[]> =>
  new Promise((resolve) => {
    setTimeout(() => resolve([]), ANSWER_WITHIN_MS).unref();
  });

const isStartOf = (start: readonly string[], of: readonly string[]): boolean =>
  start.every((word, index) => of[index] === word);

const BASH = `_flotilla() {
  local IFS=$'\\n'
  COMPREPLY=($(flotilla complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [[ \${#COMPREPLY[@]} -eq 0 ]] && compopt -o default
}
complete -F _flotilla flotilla
`;

const ZSH = `#compdef flotilla
_flotilla() {
  local -a found
  found=(\${(f)"$(flotilla complete -- "\${(@)words[2,$CURRENT]}" 2>/dev/null)"})
  if (( \${#found} )); then compadd -a found; else _files; fi
}
compdef _flotilla flotilla
`;

const FISH = `function __flotilla
  set -l words (commandline -opc)[2..-1] (commandline -ct)
  flotilla complete -- $words 2>/dev/null
end
complete -c flotilla -f -a '(__flotilla)'
`;

export const COMPLETION_SCRIPTS: Readonly<Record<string, string>> = {
  bash: BASH,
  zsh: ZSH,
  fish: FISH,
};
