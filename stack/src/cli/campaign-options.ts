import { readFileSync } from 'node:fs';
import {
  campaignCreateSchema,
  WEEKDAYS,
  type CampaignCreate,
  type CampaignCreateInput,
} from '@flotilla/contracts';
import type { Option, Options } from './command.ts';
import { durationMs } from './durations.ts';
import { UsageError } from './outcome.ts';

export const CAMPAIGN_OPTIONS: Readonly<Record<string, Option>> = {
  name: { value: 'NAME', help: 'for people' },
  phases: { value: '1,10,100', help: 'percent of the target each phase ends at; 25d: 25 devices' },
  threshold: { value: '0.05', help: 'share of finished devices that may fail' },
  'min-sample': { value: 'N', help: 'finished devices before the threshold judges' },
  soak: { value: '1h', help: 'rest after a phase that is all confirmed' },
  deadline: { value: '30m', help: 'a started device that is silent for longer has failed' },
  group: { value: 'GROUP', help: 'only devices of these groups', multiple: true },
  selector: { value: 'SELECTOR', help: "only devices with these labels: 'site=berlin,!legacy'" },
  'installed-version': { value: 'V', help: 'only devices that run these', multiple: true },
  device: { value: 'ID', help: 'only these devices', multiple: true },
  'devices-from': { value: 'FILE', help: 'only these, an id a line; - for standard input' },
  fixed: { help: 'devices that come to fit later do not join' },
  'start-at': { value: 'TIME', help: 'ISO 8601' },
  'end-at': { value: 'TIME', help: 'ISO 8601; what has not ended by then is aborted' },
  window: {
    value: 'WINDOW',
    help: "offers only in it, by the device's clock: 'mon,tue 22:00-04:00'",
    multiple: true,
  },
  'time-zone': { value: 'ZONE', help: 'of devices without a label timezone (default UTC)' },
  'per-minute': { value: 'N', help: 'first offers in a minute' },
  concurrent: { value: 'N', help: 'devices that download at once' },
  approval: { help: 'another operator must approve it first' },
  priority: { value: 'N', help: 'where campaigns overlap the higher goes first' },
  guards: { help: 'watch crashes, error logs, CPU, memory, battery and contact as well' },
  'include-maintenance': { help: 'devices in maintenance too' },
  'include-rolled-back': { help: 'devices that rolled this version back before, too' },
  'max-attempts': { value: 'N', help: 'tries a device gets' },
  spec: {
    value: 'FILE',
    help: 'the request as JSON; other options go over it; - for standard input',
  },
};

/** The request that the options make. Throws UsageError, also for what the contract would refuse. */
export function campaignOf(firmwareId: string, options: Options): CampaignCreate {
  const spec = options.text('spec');
  const base = spec === undefined ? {} : readJson(spec);
  const request = {
    name: `Campaign for ${firmwareId}`,
    ...base,
    firmwareId,
    ...defined({
      name: options.text('name'),
      phases: options.text('phases')?.split(',').map(phaseOf),
      errorThreshold: options.number('threshold'),
      minSample: options.number('min-sample'),
      soakMs: optionalDuration(options, 'soak'),
      deadlineMs: optionalDuration(options, 'deadline'),
      target: targetOf(options),
      schedule: emptyIsUndefined(
        defined({ startAt: options.text('start-at'), endAt: options.text('end-at') }),
      ),
      windows: windowsOf(options),
      rateLimit: emptyIsUndefined(
        defined({
          devicesPerMinute: options.number('per-minute'),
          concurrentDownloads: options.number('concurrent'),
        }),
      ),
      approval: options.isOn('approval') ? { required: true } : undefined,
      priority: options.number('priority'),
      guards: options.isOn('guards') ? {} : undefined,
      includeMaintenance: options.isOn('include-maintenance') || undefined,
      includeRolledBack: options.isOn('include-rolled-back') || undefined,
      maxAttempts: options.number('max-attempts'),
    } satisfies Possible<CampaignCreateInput>),
  };
  const checked = campaignCreateSchema.safeParse(request);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw new UsageError(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`);
}

function targetOf(options: Options): CampaignCreateInput['target'] {
  const listed = [...(options.texts('device') ?? []), ...listedIn(options.text('devices-from'))];
  return emptyIsUndefined(
    defined({
      groups: mutable(options.texts('group')),
      selector: options.text('selector'),
      versions: mutable(options.texts('installed-version')),
      deviceIds: listed.length === 0 ? undefined : listed,
      dynamic: options.isOn('fixed') ? false : undefined,
    }),
  );
}

function windowsOf(options: Options): CampaignCreateInput['windows'] {
  const slots = options.texts('window')?.map(slotOf);
  if (slots === undefined) {
    if (options.text('time-zone') === undefined) return undefined;
    throw new UsageError('--time-zone goes with --window');
  }
  return { slots, ...defined({ timeZone: options.text('time-zone') }) };
}

function slotOf(text: string) {
  const [, days, from = '', to = ''] =
    /^(?:([a-z,]+) )?(\d{2}:\d{2})-(\d{2}:\d{2})$/.exec(text) ?? [];
  if (from === '') throw new UsageError(`--window: ${text} is not like 'mon,tue 22:00-04:00'`);
  if (days === undefined) return { from, to };
  return {
    from,
    to,
    days: days.split(',').map((name) => {
      const day = WEEKDAYS.find((known) => known === name);
      if (day === undefined)
        throw new UsageError(`--window: ${name} is none of ${WEEKDAYS.join(' ')}`);
      return day;
    }),
  };
}

function phaseOf(text: string): { percent: number } | { count: number } {
  const [, number = '', unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*(%|d)?\s*$/.exec(text) ?? [];
  if (number === '') {
    throw new UsageError(`--phases: ${text} is neither percent such as 10 nor devices such as 25d`);
  }
  return unit === 'd' ? { count: Number(number) } : { percent: Number(number) };
}

function optionalDuration(options: Options, name: string): number | undefined {
  const text = options.text(name);
  return text === undefined ? undefined : durationMs(text, `--${name}`);
}

function listedIn(file: string | undefined): string[] {
  if (file === undefined) return [];
  return read(file)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

function readJson(file: string): object {
  try {
    const value: unknown = JSON.parse(read(file));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
    throw new UsageError(`${file} holds no JSON object`);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new UsageError(`${file} is not JSON: ${cause.message}`, { cause });
  }
}

const read = (file: string): string => readFileSync(file === '-' ? 0 : file, 'utf8');

const mutable = (values: readonly string[] | undefined): string[] | undefined =>
  values === undefined ? undefined : [...values];

type Possible<T> = { [K in keyof T]?: T[K] | undefined };
type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function defined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as Defined<T>;
}

function emptyIsUndefined<T extends object>(value: T): T | undefined {
  return Object.keys(value).length === 0 ? undefined : value;
}
