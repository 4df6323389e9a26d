import { z } from 'zod';
import { deviceIdSchema, nameSchema, timestampSchema, versionSchema } from './identifiers.ts';

const DAY_MS = 86_400_000;

export const soakMsSchema = z
  .number()
  .int()
  .min(0)
  .max(30 * DAY_MS);
export const deadlineMsSchema = z
  .number()
  .int()
  .min(1000)
  .max(30 * DAY_MS);

const phaseSchema = z
  .strictObject({
    /** Share of the target that has come up by the end of this phase. */
    percent: z.number().gt(0).max(100).optional(),
    /** The same as a number of devices. */
    count: z.number().int().min(1).max(100_000_000).optional(),
    /** Instead of the campaign's. */
    soakMs: soakMsSchema.optional(),
    deadlineMs: deadlineMsSchema.optional(),
  })
  .refine(({ percent, count }) => (percent === undefined) !== (count === undefined), {
    message: 'a phase has either percent or count',
  });
export type PhaseCreate = z.infer<typeof phaseSchema>;

/** Both are sums over the phases so far; where they meet, a phase still adds one device at least. */
export const phasesSchema = z
  .array(phaseSchema)
  .min(1)
  .max(20)
  .refine((phases) => rises(phases.map(({ percent }) => percent)), {
    message: 'percentages must rise from phase to phase',
  })
  .refine((phases) => rises(phases.map(({ count }) => count)), {
    message: 'counts must rise from phase to phase',
  })
  .refine((phases) => phases.at(-1)?.percent === 100, {
    message: 'the last phase must be 100 percent',
  });

function rises(values: readonly (number | undefined)[]): boolean {
  const given = values.filter((value) => value !== undefined);
  return given.every((value, i) => i === 0 || value > (given[i - 1] ?? 0));
}

export const MAX_LISTED_DEVICES = 10_000;

/** Devices of the firmware's model for which everything that is given here holds. */
export const campaignTargetSchema = z.strictObject({
  groups: z.array(nameSchema).min(1).max(100).optional(),
  /** Label selector, a subset of Kubernetes': `site=berlin,ring in (a,b),!legacy`. */
  selector: z.string().trim().min(1).max(1000).optional(),
  /** Versions that are installed when the device's turn comes. */
  versions: z.array(versionSchema).min(1).max(100).optional(),
  deviceIds: z.array(deviceIdSchema).min(1).max(MAX_LISTED_DEVICES).optional(),
  /** True: devices that come to fit while the campaign runs join it. False: who fits at its creation. */
  dynamic: z.boolean().default(true),
});
export type CampaignTarget = z.infer<typeof campaignTargetSchema>;

export const campaignScheduleSchema = z
  .strictObject({
    startAt: timestampSchema.optional(),
    /** The campaign is aborted if it has not ended by itself. */
    endAt: timestampSchema.optional(),
  })
  .refine(
    ({ startAt, endAt }) =>
      startAt === undefined || endAt === undefined || Date.parse(startAt) < Date.parse(endAt),
    { message: 'must end after it starts' },
  );
export type CampaignSchedule = z.infer<typeof campaignScheduleSchema>;

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** `00:00` to `24:00`. */
const timeOfDaySchema = z
  .string()
  .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'must be a time of day such as 22:30');

const windowSlotSchema = z
  .strictObject({
    /** On which it begins; every day when left out. */
    days: z.array(z.enum(WEEKDAYS)).min(1).max(7).optional(),
    from: timeOfDaySchema,
    /** Not in it; earlier than `from` means on the next day. */
    to: timeOfDaySchema,
  })
  .refine(({ from, to }) => from !== to && from !== '24:00', {
    message: 'must begin before 24:00 and not end when it begins',
  });
export type WindowSlot = z.infer<typeof windowSlotSchema>;

/** When a device may be offered the update for the first time, by the clock on its wall. */
export const maintenanceWindowsSchema = z.strictObject({
  /** IANA zone of the devices that have no label `timezone`. */
  timeZone: z.string().refine(isTimeZone, 'must be an IANA time zone').default('UTC'),
  slots: z.array(windowSlotSchema).min(1).max(50),
});
export type MaintenanceWindows = z.infer<typeof maintenanceWindowsSchema>;

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

export const rateLimitSchema = z
  .strictObject({
    /** First offers in a minute. */
    devicesPerMinute: z.number().min(0.1).max(1_000_000).optional(),
    /** Devices that have an offer and have not fetched it yet. */
    concurrentDownloads: z.number().int().min(1).max(1_000_000).optional(),
  })
  .refine(
    ({ devicesPerMinute, concurrentDownloads }) =>
      devicesPerMinute !== undefined || concurrentDownloads !== undefined,
    { message: 'must limit something' },
  );
export type RateLimit = z.infer<typeof rateLimitSchema>;
