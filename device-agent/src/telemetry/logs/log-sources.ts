import { readFileSync } from 'node:fs';
import { ConfigError } from '@flotilla/service';
import { z } from 'zod';

const patternSchema = z.string().refine(
  (source) => {
    try {
      new RegExp(source);
      return true;
    } catch {
      return false;
    }
  },
  { message: 'is not a regular expression' },
);

const fileSourceSchema = z.strictObject({
  /** Absolute paths or globs of the live files; rotated ones beside them (`<name>.1`, `<name>-2026…`) are found. */
  paths: z.array(z.string().startsWith('/')).min(1).max(32),
  format: z.enum(['plain', 'json']).default('plain'),
  /** A line that matches begins a record, the others belong to the one before. */
  multilineStart: patternSchema.optional(),
  /** Where to begin in a file that is seen for the first time. */
  startAt: z.enum(['beginning', 'end']).default('beginning'),
  /** JSON field whose value decides with its like whether a record is kept, when it has no trace id. */
  sampleBy: z.string().min(1).optional(),
});
export type FileSource = z.output<typeof fileSourceSchema>;

const journalSourceSchema = z.strictObject({
  /** The program that speaks journalctl's JSON. */
  command: z.string().min(1).default('journalctl'),
  /** Only these units; empty means all. */
  units: z.array(z.string().regex(/^[^-]/)).max(64).default([]),
});
export type JournalSource = z.output<typeof journalSourceSchema>;

/** What the agent forwards beside the output of its firmware. */
export const logSourcesSchema = z.strictObject({
  files: z.array(fileSourceSchema).max(32).default([]),
  journal: journalSourceSchema.optional(),
});
export type LogSources = z.output<typeof logSourcesSchema>;

/** Throws ConfigError that names the file and every problem in it. */
export function readLogSources(path: string): LogSources {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new ConfigError([`${path}: ${cause instanceof Error ? cause.message : String(cause)}`]);
  }
  const result = logSourcesSchema.safeParse(value);
  if (result.success) return result.data;
  throw new ConfigError(
    result.error.issues.map((issue) => `${path}: ${issue.path.join('.')}: ${issue.message}`),
  );
}
