import { z } from 'zod';

/** Device ids appear in file names, MQTT topics and URLs, so the alphabet is narrow. */
export const deviceIdSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'must be 1 to 64 of A-Z a-z 0-9 . _ - and start with a letter or digit',
  );

/** A device id, or a prefix of ids that ends in `*`: whom a gateway speaks for. */
export const devicePatternSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}([A-Za-z0-9._-]|\*)?$/,
    'must be a device id, or the beginning of one followed by *',
  );

export function matchesDevicePattern(pattern: string, deviceId: string): boolean {
  return pattern.endsWith('*') ? deviceId.startsWith(pattern.slice(0, -1)) : pattern === deviceId;
}

/** A model or group name; the same alphabet as a device id. */
export const nameSchema = deviceIdSchema;

export const sha256Schema = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in 64 lower-case hex digits');

/** Semantic Versioning 2.0.0, clause 2, 9 and 10. */
export const versionSchema = z
  .string()
  .max(64)
  .regex(
    /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/,
    'must be a semantic version such as 1.2.3',
  );

export const timestampSchema = z.iso.datetime({ offset: true });

export const firmwareIdSchema = z.string().regex(/^fw_[0-9a-z]{12}$/, 'must look like fw_…');
export const campaignIdSchema = z.string().regex(/^cmp_[0-9a-z]{12}$/, 'must look like cmp_…');
