import { ALERT_OPERATIONS } from './alert-operations.ts';
import { CAMPAIGN_OPERATIONS } from './campaign-operations.ts';
import { DEVICE_API_OPERATIONS, DEVICE_OPERATIONS } from './device-operations.ts';
import { FIRMWARE_OPERATIONS, MODEL_OPERATIONS } from './firmware-operations.ts';
import { FLEET_OPERATIONS } from './fleet-operations.ts';
import { IDENTITY_OPERATIONS } from './identity-operations.ts';
import type { Operation } from './operation.ts';
import { SERVICE_OPERATIONS } from './service-operations.ts';
import { TRUST_OPERATIONS } from './trust-operations.ts';
import { UPLOAD_OPERATIONS } from './upload-operations.ts';

/** Every route of the service but hawkBit's DDI, which hawkBit describes, and the console's pages. */
export const OPERATIONS: readonly Operation[] = [
  ...CAMPAIGN_OPERATIONS,
  ...ALERT_OPERATIONS,
  ...DEVICE_OPERATIONS,
  ...FLEET_OPERATIONS,
  ...FIRMWARE_OPERATIONS,
  ...UPLOAD_OPERATIONS,
  ...MODEL_OPERATIONS,
  ...TRUST_OPERATIONS,
  ...DEVICE_API_OPERATIONS,
  ...IDENTITY_OPERATIONS,
  ...SERVICE_OPERATIONS,
];
