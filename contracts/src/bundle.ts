import { z } from 'zod';
import { versionSchema } from './identifiers.ts';

/** Name of the description inside an artifact (an uncompressed tar, POSIX ustar or pax). */
export const BUNDLE_FILE = 'bundle.json';

const argumentSchema = z
  .string()
  .min(1)
  .refine((text) => !text.includes('\0'), 'must not hold a NUL byte, which ends an argument');

/** `bundle.json`: how the `directory` slot backend runs what the artifact holds. */
export const bundleSchema = z.strictObject({
  schemaVersion: z.literal(1),
  /** Must equal the version of the signed target. */
  version: versionSchema,
  /**
   * Program and arguments, run with the slot's folder as working directory. The program `node` is
   * the agent's own runtime. The process gets PORT, and FLOTILLA_DATA_DIR that survives updates.
   */
  command: z.array(argumentSchema).min(1),
  /** GET http://127.0.0.1:PORT<healthPath> answers 200 while the firmware is well. */
  healthPath: z.string().startsWith('/'),
});
export type Bundle = z.infer<typeof bundleSchema>;
