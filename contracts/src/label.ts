import { z } from 'zod';

/**
 * Key of a device label: as in Kubernetes an optional DNS prefix with a slash, then a name of up to 63
 * characters.
 */
export const labelKeySchema = z
  .string()
  .max(317)
  .regex(
    /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
    'must be a name of A-Z a-z 0-9 . _ - (63 at most), with an optional DNS prefix and slash before it',
  );

/** As in Kubernetes, and `/` and `+` as well, so that it can name an IANA time zone. */
export const labelValueSchema = z
  .string()
  .regex(
    /^([A-Za-z0-9]([A-Za-z0-9._/+-]{0,61}[A-Za-z0-9])?)?$/,
    'must be empty, or up to 63 of A-Z a-z 0-9 . _ / + - that begin and end with a letter or digit',
  );

export const MAX_LABELS = 64;

export const labelMapSchema = z
  .record(labelKeySchema, labelValueSchema)
  .refine((labels) => Object.keys(labels).length <= MAX_LABELS, `at most ${MAX_LABELS} labels`);
export type Labels = z.infer<typeof labelMapSchema>;

/** A device's own IANA zone, for maintenance windows; a campaign's zone holds where it is absent. */
export const LABEL_TIME_ZONE = 'timezone';

/** PUT and answer of /api/v1/devices/{id}/labels: the whole of them. */
export const deviceLabelsSchema = z.strictObject({ labels: labelMapSchema });
export type DeviceLabels = z.infer<typeof deviceLabelsSchema>;
