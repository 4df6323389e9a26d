import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65_535);

/** Environment of `npm start`. */
export const startConfigSchema = z.object({
  /** Everything the stack keeps; kept between starts. */
  FLOTILLA_DATA_DIR: z.string().default('.flotilla'),
  /** The console and the API; when taken, the start fails and says so. */
  FLOTILLA_CONSOLE_PORT: port.default(8080),
  /** OTLP/HTTP; the protocol's own default. When taken, a free one is used. */
  FLOTILLA_COLLECTOR_PORT: port.default(4318),
  /** OTLP/gRPC, in the same way. */
  FLOTILLA_COLLECTOR_GRPC_PORT: port.default(4317),
  /** ClickHouse's HTTP interface; its own default. When taken, a free one is used. */
  FLOTILLA_WAREHOUSE_HTTP_PORT: port.default(8123),
  /** Agents to start beside the services. */
  FLOTILLA_DEVICES: z.coerce.number().int().min(0).max(100).default(10),
});
export type StartConfig = z.output<typeof startConfigSchema>;
