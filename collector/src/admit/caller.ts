import { deviceIdSchema, matchesDevicePattern } from '@flotilla/contracts';

/** Who sent a request: a device, or a gateway that also speaks for the devices behind it. */
export interface Caller {
  readonly deviceId: string;
  /** Ids, or prefixes that end in `*`; null for a device, which speaks for itself alone. */
  readonly gatewayFor: readonly string[] | null;
}

/** May this caller send telemetry of that device? */
export function speaksFor(caller: Caller, deviceId: string): boolean {
  if (deviceId === caller.deviceId) return true;
  if (caller.gatewayFor === null || !deviceIdSchema.safeParse(deviceId).success) return false;
  return caller.gatewayFor.some((pattern) => matchesDevicePattern(pattern, deviceId));
}
