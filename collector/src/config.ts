import { z } from 'zod';

/** The collector's environment variables. */
export const configSchema = z.object({
  FLOTILLA_COLLECTOR_HOST: z.string().default('127.0.0.1'),
  /** 4318 is OTLP/HTTP's registered port; 0 takes any free one. */
  FLOTILLA_COLLECTOR_PORT: z.coerce.number().int().min(0).max(65_535).default(4318),
  /** OTLP/gRPC. By default its registered port, 4317, beside 4318, and any free one beside another. */
  FLOTILLA_COLLECTOR_GRPC_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  /** PEM files; both or none. With them both ports speak TLS only. */
  FLOTILLA_TLS_CERT_FILE: z.string().optional(),
  FLOTILLA_TLS_KEY_FILE: z.string().optional(),
  /** PEM file of the CA that signs client certificates; needs the two above. */
  FLOTILLA_TLS_CLIENT_CA_FILE: z.string().optional(),
  /** Whether a token alone is enough on a TLS listener that asks for client certificates. */
  FLOTILLA_TLS_CLIENT_CERT: z.enum(['optional', 'required']).default('optional'),
  /** ota-service, where the denylist is; needs the token file. Without it nobody is denied. */
  FLOTILLA_IDENTITY_URL: z.url({ protocol: /^https?$/ }).optional(),
  FLOTILLA_INTERNAL_TOKEN_FILE: z.string().optional(),
  /** PEM file of the roots that ota-service is checked with, in place of the system's. */
  FLOTILLA_IDENTITY_CA_FILE: z.string().optional(),
  /** DNS names and addresses, by commas: with them ota-service's authority gives the certificate for TLS. */
  FLOTILLA_TLS_NAMES: z
    .string()
    .transform((list) => list.split(',').filter((name) => name !== ''))
    .optional(),
  /** Where the telemetry log is: sqlite:/absolute/path/log.db */
  FLOTILLA_EVENT_LOG: z.string(),
  /** PEM file of the Ed25519 key that device tokens are checked with. */
  FLOTILLA_DEVICE_TOKEN_PUBLIC_KEY_FILE: z.string(),
  /** Largest request, counted after decompression. */
  FLOTILLA_MAX_BODY_BYTES: z.coerce
    .number()
    .int()
    .min(1024)
    .default(4 * 1024 * 1024),
  /** How long an idle HTTP connection is kept: longer than agents pause, or each report costs a handshake. */
  FLOTILLA_KEEP_ALIVE_MS: z.coerce.number().int().min(1000).default(75_000),
  FLOTILLA_MAX_LOG_BYTES: z.coerce.number().int().min(4096).optional(),
  /** Requests per second a device may send on average … */
  FLOTILLA_RATE_PER_DEVICE: z.coerce.number().positive().default(20),
  /** … and at once after a pause, as when it comes back from being offline. */
  FLOTILLA_RATE_BURST_PER_DEVICE: z.coerce.number().int().min(1).default(200),
  /** The same for decompressed bytes. */
  FLOTILLA_BYTE_RATE_PER_DEVICE: z.coerce
    .number()
    .positive()
    .default(1024 * 1024),
  FLOTILLA_BYTE_BURST_PER_DEVICE: z.coerce
    .number()
    .int()
    .min(1)
    .default(32 * 1024 * 1024),
  /** A gateway may send this many times what one device may. */
  FLOTILLA_GATEWAY_RATE_FACTOR: z.coerce.number().min(1).default(50),
  /** Requests and bytes per second of all senders together; above what one process can take. */
  FLOTILLA_RATE_TOTAL: z.coerce.number().positive().default(100_000),
  FLOTILLA_BYTE_RATE_TOTAL: z.coerce
    .number()
    .positive()
    .default(1024 * 1024 * 1024),
  /** Times further ahead than this are a wrong clock's and are moved to now. */
  FLOTILLA_MAX_CLOCK_AHEAD_MS: z.coerce
    .number()
    .int()
    .min(0)
    .default(10 * 60_000),
});
export type Config = z.output<typeof configSchema>;
