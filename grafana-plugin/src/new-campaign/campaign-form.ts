import {
  campaignCreateSchema,
  type CampaignCreateInput,
  type FirmwareView,
  type Weekday,
} from '@flotilla/contracts';

export interface PhaseForm {
  readonly unit: 'percent' | 'count';
  readonly amount: string;
  /** '' for the campaign's. */
  readonly soakMinutes: string;
}

/** What the wizard's fields hold, as typed. */
export interface CampaignForm {
  readonly firmwareId: string;
  readonly name: string;
  readonly groups: string;
  readonly selector: string;
  readonly versions: string;
  readonly dynamic: boolean;
  readonly includeMaintenance: boolean;
  readonly phases: readonly PhaseForm[];
  readonly soakMinutes: string;
  readonly errorPercent: string;
  /** '': as soon as it is more than chance explains. */
  readonly minSample: string;
  readonly deadlineMinutes: string;
  /** `2026-01-31T22:00`, by this browser's clock; '' for at once. */
  readonly startAt: string;
  readonly endAt: string;
  readonly hasWindow: boolean;
  readonly windowDays: readonly Weekday[];
  readonly windowFrom: string;
  readonly windowTo: string;
  readonly timeZone: string;
  readonly devicesPerMinute: string;
  readonly concurrentDownloads: string;
  readonly needsApproval: boolean;
  readonly priority: string;
}

export const STEPS = ['firmware', 'devices', 'phases', 'schedule', 'review'] as const;
export type Step = (typeof STEPS)[number];

export function emptyForm(timeZone: string): CampaignForm {
  return {
    firmwareId: '',
    name: '',
    groups: '',
    selector: '',
    versions: '',
    dynamic: true,
    includeMaintenance: false,
    phases: [
      { unit: 'percent', amount: '1', soakMinutes: '' },
      { unit: 'percent', amount: '10', soakMinutes: '' },
      { unit: 'percent', amount: '100', soakMinutes: '' },
    ],
    soakMinutes: '0',
    errorPercent: '5',
    minSample: '',
    deadlineMinutes: '30',
    startAt: '',
    endAt: '',
    hasWindow: false,
    windowDays: [],
    windowFrom: '22:00',
    windowTo: '05:00',
    timeZone,
    devicesPerMinute: '',
    concurrentDownloads: '',
    needsApproval: false,
    priority: '0',
  };
}

/** A version that was chosen gives the campaign a name, unless one was typed. */
export function withFirmware(form: CampaignForm, firmware: FirmwareView): CampaignForm {
  return {
    ...form,
    firmwareId: firmware.id,
    name: form.name === '' ? `${firmware.model} ${firmware.version}` : form.name,
  };
}

export interface FormTrouble {
  readonly step: Step;
  readonly detail: string;
}

export type ReadForm =
  | { readonly ok: true; readonly campaign: CampaignCreateInput }
  | { readonly ok: false; readonly troubles: readonly FormTrouble[] };

/** What is asked for, by the contract's own rules; each broken one with the step it belongs to. */
export function readForm(form: CampaignForm): ReadForm {
  const campaign = asRequest(form);
  const checked = campaignCreateSchema.safeParse(campaign);
  if (checked.success) return { ok: true, campaign };
  const troubles = checked.error.issues.map((issue) => ({
    step: stepOf(String(issue.path[0] ?? 'name')),
    detail: `${WORDS[String(issue.path[0])] ?? String(issue.path[0])}: ${issue.message}`,
  }));
  return { ok: false, troubles };
}

const WORDS: Readonly<Record<string, string>> = {
  firmwareId: 'Firmware',
  name: 'Name',
  target: 'Devices',
  phases: 'Phases',
  errorThreshold: 'Error limit',
  minSample: 'Judge from',
  soakMs: 'Rest',
  deadlineMs: 'Deadline',
  schedule: 'Schedule',
  windows: 'Maintenance window',
  rateLimit: 'Rate',
  priority: 'Priority',
};

function stepOf(field: string): Step {
  if (field === 'firmwareId' || field === 'name') return 'firmware';
  if (field === 'target' || field === 'groups') return 'devices';
  if (['schedule', 'windows', 'rateLimit', 'priority', 'approval'].includes(field)) {
    return 'schedule';
  }
  return 'phases';
}

function asRequest(form: CampaignForm): CampaignCreateInput {
  const target = targetOf(form);
  const schedule = scheduleOf(form);
  const rateLimit = rateLimitOf(form);
  return {
    name: form.name.trim(),
    firmwareId: form.firmwareId,
    ...(target !== null && { target }),
    phases: form.phases.map(({ unit, amount, soakMinutes }) => ({
      ...(unit === 'percent' ? { percent: number(amount) } : { count: number(amount) }),
      ...(soakMinutes.trim() !== '' && { soakMs: milliseconds(soakMinutes) }),
    })),
    errorThreshold: number(form.errorPercent) / 100,
    minSample: form.minSample.trim() === '' ? null : number(form.minSample),
    soakMs: milliseconds(form.soakMinutes),
    deadlineMs: milliseconds(form.deadlineMinutes),
    ...(schedule !== null && { schedule }),
    ...(form.hasWindow && { windows: windowsOf(form) }),
    ...(rateLimit !== null && { rateLimit }),
    ...(form.needsApproval && { approval: { required: true } }),
    ...(number(form.priority) !== 0 && { priority: number(form.priority) }),
    ...(form.includeMaintenance && { includeMaintenance: true }),
  };
}

function targetOf({ groups, selector, versions, dynamic }: CampaignForm) {
  const target = {
    ...(list(groups).length > 0 && { groups: list(groups) }),
    ...(selector.trim() !== '' && { selector: selector.trim() }),
    ...(list(versions).length > 0 && { versions: list(versions) }),
  };
  if (Object.keys(target).length === 0 && dynamic) return null;
  return { ...target, dynamic };
}

function scheduleOf({ startAt, endAt }: CampaignForm) {
  if (startAt === '' && endAt === '') return null;
  return {
    ...(startAt !== '' && { startAt: instant(startAt) }),
    ...(endAt !== '' && { endAt: instant(endAt) }),
  };
}

function windowsOf({ timeZone, windowDays, windowFrom, windowTo }: CampaignForm) {
  const days = windowDays.length > 0 && windowDays.length < 7 ? { days: [...windowDays] } : {};
  return { timeZone, slots: [{ ...days, from: windowFrom, to: windowTo }] };
}

function rateLimitOf({ devicesPerMinute, concurrentDownloads }: CampaignForm) {
  const limit = {
    ...(devicesPerMinute.trim() !== '' && { devicesPerMinute: number(devicesPerMinute) }),
    ...(concurrentDownloads.trim() !== '' && { concurrentDownloads: number(concurrentDownloads) }),
  };
  return Object.keys(limit).length === 0 ? null : limit;
}

function list(text: string): string[] {
  return text
    .split(/[\s,]+/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** NaN for what is no number, which the contract then names. */
function number(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text);
}

function milliseconds(minutes: string): number {
  return Math.round(number(minutes) * 60_000);
}

function instant(local: string): string {
  const at = new Date(local);
  return Number.isNaN(at.getTime()) ? local : at.toISOString();
}
