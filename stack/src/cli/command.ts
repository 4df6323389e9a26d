import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import type { ApiClient } from '../client/api-client.ts';
import { CONNECTION_OPTIONS, connect, type Connection } from './connection.ts';
import { exitCodeOf, UsageError } from './outcome.ts';

/** What a positional argument stands for; the shell completes the ids of a service that answers. */
export type ArgumentKind = 'campaign-id' | 'firmware-id' | 'device-id' | 'folder' | 'text';

export interface Argument {
  /** As in the usage: `CAMPAIGN-ID`. */
  readonly name: string;
  readonly kind: ArgumentKind;
}

export interface Option {
  /** Of its value, as in the usage; without one it is a switch. */
  readonly value?: string;
  readonly help: string;
  readonly multiple?: true;
  /** All values there are, for completion. */
  readonly choices?: readonly string[];
}

export type OptionValues = Readonly<Record<string, string | boolean | string[] | undefined>>;

export interface Call {
  readonly argument: string;
  readonly options: Options;
  /** Connects when it is first asked for, so that a wrong call needs no service. */
  readonly api: () => ApiClient;
  readonly connection: Connection;
  readonly asJson: boolean;
}

/** `flotilla NAME`; the exit code is 0 unless `run` gives another or throws. */
export interface Command {
  /** Of one word or two. */
  readonly name: string;
  readonly argument?: Argument;
  readonly summary: string;
  readonly options?: Readonly<Record<string, Option>>;
  readonly run: (call: Call) => Promise<number | void>;
}

/** Read by name; every reader says what it expects. */
export class Options {
  readonly #values: OptionValues;

  constructor(values: OptionValues) {
    this.#values = values;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === 'string' ? value : undefined;
  }

  wanted(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === '') throw new UsageError(`--${name} is missing`);
    return value;
  }

  texts(name: string): readonly string[] | undefined {
    const value = this.#values[name];
    return Array.isArray(value) ? value : undefined;
  }

  isOn(name: string): boolean {
    return this.#values[name] === true;
  }

  number(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value)) {
      throw new UsageError(`--${name}: ${text} is not a number`);
    }
    return value;
  }
}

/** Options that every command takes. */
export const COMMON_OPTIONS: Readonly<Record<string, Option>> = {
  json: { help: 'answers as JSON, for machines' },
  url: { value: 'URL', help: 'of ota-service (default http://127.0.0.1:8080)' },
  data: { value: 'FOLDER', help: 'holds the keys and the operator token (default .flotilla)' },
};

/** Parses and runs one command; gives its exit code. */
export async function runCommand(command: Command, args: readonly string[]): Promise<number> {
  let code: number | void = undefined;
  const failure = await exitCodeOf(`${usageOf(command)}\n`, async () => {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: parserOptions(command),
      allowPositionals: true,
    });
    const expected = command.argument === undefined ? 0 : 1;
    if (positionals.length > expected)
      throw new UsageError(`what is ${positionals[expected] ?? ''}?`);
    if (positionals.length < expected) throw new UsageError(`${command.argument?.name} is missing`);
    const connection = {
      url: typeof values.url === 'string' ? values.url : CONNECTION_OPTIONS.url.default,
      data: typeof values.data === 'string' ? values.data : CONNECTION_OPTIONS.data.default,
    };
    code = await command.run({
      argument: positionals[0] ?? '',
      options: new Options(values as OptionValues),
      api: () => connect(connection),
      connection,
      asJson: values.json === true,
    });
  });
  return failure === 0 ? (code ?? 0) : failure;
}

function parserOptions(command: Command): ParseArgsOptionsConfig {
  const all = { ...COMMON_OPTIONS, ...command.options };
  return Object.fromEntries(
    Object.entries(all).map(([name, { value, multiple }]) => [
      name,
      {
        type: value === undefined ? ('boolean' as const) : ('string' as const),
        multiple: multiple === true,
      },
    ]),
  );
}

/** One command with its options, for its own errors. */
export function usageOf(command: Command): string {
  const { name, argument, summary, options = {} } = command;
  const call = ['flotilla', name, ...(argument === undefined ? [] : [argument.name])].join(' ');
  const own = Object.entries({ ...options, ...COMMON_OPTIONS }).map(([option, { value, help }]) => {
    const left = `--${option}${value === undefined ? '' : ` ${value}`}`;
    return `  ${left.padEnd(28)} ${help}`;
  });
  return [`${call}: ${summary}`, '', ...own].join('\n');
}

export interface Group {
  readonly title: string;
  readonly commands: readonly Command[];
}

/** Every command in a line. */
export function overviewOf(groups: readonly Group[], more: string): string {
  const lines = groups.flatMap(({ title, commands }) => [
    title,
    ...commands.map(({ name, argument, summary }) => {
      const left = argument === undefined ? name : `${name} ${argument.name}`;
      return `  ${left.padEnd(32)} ${summary}`;
    }),
    '',
  ]);
  return ['flotilla: firmware and campaigns of a running Flotilla', '', ...lines, more].join('\n');
}
