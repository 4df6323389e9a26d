import { z } from 'zod';
import {
  maintenanceWindowsSchema,
  parseSelector,
  rateLimitSchema,
  type CampaignCreate,
} from '@flotilla/contracts';

/** Text of a selector beside what it says; a stored one was parsed before. */
const selectorSchema = z.string().transform((text, context) => {
  const parsed = parseSelector(text);
  if (parsed.ok) return { text, requirements: parsed.selector };
  context.addIssue({ code: 'custom', message: parsed.detail });
  return z.NEVER;
});

/** What a campaign was created with beside its limits; kept as JSON and never changed. */
const storedRulesSchema = z.object({
  selector: selectorSchema.nullable(),
  versions: z.array(z.string()).nullable(),
  /**
   * Whether the target has a list of devices (`campaign_members`): `and`, a device must be on it as well
   * as fit the rest; `only`, the list alone decides, for the target was fixed.
   */
  list: z.enum(['none', 'and', 'only']),
  listedDevices: z.number().nullable(),
  startAtMs: z.number().nullable(),
  endAtMs: z.number().nullable(),
  windows: maintenanceWindowsSchema.nullable(),
  rateLimit: rateLimitSchema.nullable(),
  approvalRequired: z.boolean(),
  priority: z.number(),
  includeMaintenance: z.boolean(),
  includeRolledBack: z.boolean(),
  maxAttempts: z.number(),
  deltaFallbackMaxBytes: z.number().nullable(),
  /** Of the firmware: it is signed to be installed over a newer one. */
  allowDowngrade: z.boolean(),
});
export type CampaignRules = z.output<typeof storedRulesSchema>;

/** Of campaigns from before there were rules. */
export const PLAIN_RULES: CampaignRules = {
  selector: null,
  versions: null,
  list: 'none',
  listedDevices: null,
  startAtMs: null,
  endAtMs: null,
  windows: null,
  rateLimit: null,
  approvalRequired: false,
  priority: 0,
  includeMaintenance: false,
  includeRolledBack: true,
  maxAttempts: Number.MAX_SAFE_INTEGER,
  deltaFallbackMaxBytes: null,
  allowDowngrade: true,
};

/** The request's selector has been parsed before. */
export function rulesOf(request: CampaignCreate, allowDowngrade: boolean): CampaignRules {
  const { target, schedule } = request;
  const isFixed = target?.dynamic === false;
  const hasList = target?.deviceIds !== undefined;
  return {
    selector: target?.selector === undefined ? null : selectorSchema.parse(target.selector),
    versions: target?.versions ?? null,
    list: isFixed ? 'only' : hasList ? 'and' : 'none',
    listedDevices: hasList ? new Set(target.deviceIds).size : null,
    startAtMs: schedule?.startAt === undefined ? null : Date.parse(schedule.startAt),
    endAtMs: schedule?.endAt === undefined ? null : Date.parse(schedule.endAt),
    windows: request.windows ?? null,
    rateLimit: request.rateLimit ?? null,
    approvalRequired: request.approval?.required ?? false,
    priority: request.priority,
    includeMaintenance: request.includeMaintenance,
    includeRolledBack: request.includeRolledBack,
    maxAttempts: request.maxAttempts,
    deltaFallbackMaxBytes: request.deltaFallback?.maxBytes ?? null,
    allowDowngrade,
  };
}

export function rulesToJson(rules: CampaignRules): string {
  return JSON.stringify({ ...rules, selector: rules.selector?.text ?? null });
}

export function rulesFromJson(json: string | null): CampaignRules {
  return json === null ? PLAIN_RULES : storedRulesSchema.parse(JSON.parse(json));
}
