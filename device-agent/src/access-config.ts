import { deviceIdSchema, nameSchema } from '@flotilla/contracts';
import { z } from 'zod';

const path = z.string().min(1);
const httpUrl = z.url({ protocol: /^https?$/ });

/** Who the device is and whom it talks to: told by an operator, or had by a claim. */
export const accessEnvironment = {
  /** Where to claim an identity; with it all that follows up to the next blank line is had by the claim. */
  FLOTILLA_PROVISIONING_URL: z.url({ protocol: /^https$/ }).optional(),
  FLOTILLA_DEVICE_SERIAL: deviceIdSchema.optional(),
  /** PEM file of the private key that the factory gave the device, Ed25519 or P-256. */
  FLOTILLA_CLAIM_KEY_FILE: path.optional(),
  /** PEM file of the root that ota-service is known by before the first claim. */
  FLOTILLA_SERVER_CA_FILE: path.optional(),

  FLOTILLA_DEVICE_ID: deviceIdSchema.optional(),
  FLOTILLA_DEVICE_MODEL: nameSchema.optional(),
  FLOTILLA_DEVICE_TOKEN_FILE: path.optional(),
  FLOTILLA_OTA_URL: httpUrl.optional(),
  FLOTILLA_COLLECTOR_URL: httpUrl.optional(),
  /** The root.json of the TUF repository that this device trusts; newer ones come over the network. */
  FLOTILLA_TUF_ROOT_FILE: path.optional(),
};

export type AccessConfig = z.output<z.ZodObject<typeof accessEnvironment>>;

export type Access =
  | {
      readonly kind: 'token';
      readonly deviceId: string;
      readonly model: string;
      readonly tokenFile: string;
      readonly otaUrl: string;
      readonly collectorUrl: string;
      readonly tufRootFile: string;
    }
  | {
      readonly kind: 'claim';
      readonly provisioningUrl: string;
      readonly serial: string;
      readonly claimKeyFile: string;
      readonly serverCaFile: string;
    };

const BY_CLAIM = [
  'FLOTILLA_DEVICE_SERIAL',
  'FLOTILLA_CLAIM_KEY_FILE',
  'FLOTILLA_SERVER_CA_FILE',
] as const;
const BY_TOKEN = [
  'FLOTILLA_DEVICE_ID',
  'FLOTILLA_DEVICE_MODEL',
  'FLOTILLA_DEVICE_TOKEN_FILE',
  'FLOTILLA_OTA_URL',
  'FLOTILLA_COLLECTOR_URL',
  'FLOTILLA_TUF_ROOT_FILE',
] as const;

/** Variables that are needed and not there. */
export function missingForAccess(config: AccessConfig): string[] {
  const needed = config.FLOTILLA_PROVISIONING_URL === undefined ? BY_TOKEN : BY_CLAIM;
  return needed.filter((key) => config[key] === undefined);
}

/** Of a configuration that `missingForAccess` found complete. */
export function readAccess(config: AccessConfig): Access {
  const of = (key: keyof AccessConfig): string => {
    const value = config[key];
    if (value === undefined) throw new Error(`${key} is needed`);
    return value;
  };
  if (config.FLOTILLA_PROVISIONING_URL === undefined) {
    return {
      kind: 'token',
      deviceId: of('FLOTILLA_DEVICE_ID'),
      model: of('FLOTILLA_DEVICE_MODEL'),
      tokenFile: of('FLOTILLA_DEVICE_TOKEN_FILE'),
      otaUrl: of('FLOTILLA_OTA_URL'),
      collectorUrl: of('FLOTILLA_COLLECTOR_URL'),
      tufRootFile: of('FLOTILLA_TUF_ROOT_FILE'),
    };
  }
  return {
    kind: 'claim',
    provisioningUrl: of('FLOTILLA_PROVISIONING_URL'),
    serial: of('FLOTILLA_DEVICE_SERIAL'),
    claimKeyFile: of('FLOTILLA_CLAIM_KEY_FILE'),
    serverCaFile: of('FLOTILLA_SERVER_CA_FILE'),
  };
}
