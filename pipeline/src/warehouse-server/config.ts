import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65_535);
const name = z.string().regex(/^[\w.-]{1,64}$/, 'must be a plain name');

/** Environment of the warehouse server. */
export const configSchema = z.object({
  /** Absolute folder of the data; one server per folder. */
  FLOTILLA_WAREHOUSE_FOLDER: z.string().regex(/^\/[^'\\]+$/, 'must be an absolute folder'),
  FLOTILLA_WAREHOUSE_SERVER_HOST: z.string().default('127.0.0.1'),
  FLOTILLA_WAREHOUSE_SERVER_PORT: port.default(8123),
  /** May do all: the pipeline's account. */
  FLOTILLA_WAREHOUSE_WRITER_USER: name.default('flotilla'),
  FLOTILLA_WAREHOUSE_WRITER_PASSWORD: z.string().min(8),
  /** May read: dashboards, people. No password, no reader. */
  FLOTILLA_WAREHOUSE_READER_USER: name.default('reader'),
  FLOTILLA_WAREHOUSE_READER_PASSWORD: z.string().min(8).optional(),
  /** Writers' statements at one time; more wait their turn. */
  FLOTILLA_WAREHOUSE_PARALLEL_STATEMENTS: z.coerce.number().int().min(1).max(64).default(6),
});
export type Config = z.output<typeof configSchema>;
