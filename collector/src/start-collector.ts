import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { openEventLog, type MeasuredEventLog } from '@flotilla/event-log';
import { closeServer, createHttpServer, type Logger, type RunningService } from '@flotilla/service';
import { readPublicKey } from '@flotilla/signing';
import type { FastifyInstance } from 'fastify';
import { Registry } from 'prom-client';
import { DeviceTokens } from './admit/device-tokens.ts';
import { RateLimiter } from './admit/rate-limit.ts';
import { CollectorMetrics } from './collector-metrics.ts';
import type { Config } from './config.ts';
import { TelemetryForwarder } from './forward/telemetry-forwarder.ts';
import { addOtlpRoutes } from './receive/otlp-routes.ts';

/** Below the usual 10 s timeout of an OTLP exporter, so that it hears our refusal and not silence. */
const LOG_WRITE_TIMEOUT_MS = 3_000;

/** Above the log's write timeout: whoever is left after this only holds its connection open. */
const CLOSE_GRACE_MS = 5_000;

/** A sender that dribbles its request does not keep a connection for ever. */
const HEADERS_TIMEOUT_MS = 15_000;
const REQUEST_TIMEOUT_MS = 60_000;

/** Opens the log, then listens; `addresses.otlp` is what agents export to. */
export async function startCollector(
  config: Config,
  logger: Logger,
  clock: () => number = () => Date.now(),
): Promise<RunningService> {
  const publicKey = readPublicKey(
    readFileSync(config.FLOTILLA_DEVICE_TOKEN_PUBLIC_KEY_FILE, 'utf8'),
  );
  const log = await openEventLog(config.FLOTILLA_EVENT_LOG, {
    clock,
    maxRecordBytes: config.FLOTILLA_MAX_BODY_BYTES,
    writeTimeoutMs: LOG_WRITE_TIMEOUT_MS,
    ...(config.FLOTILLA_MAX_LOG_BYTES !== undefined && { maxBytes: config.FLOTILLA_MAX_LOG_BYTES }),
  });
  try {
    const app = await createApp(config, logger, clock, log, new DeviceTokens(publicKey, clock));
    await app.listen({
      host: config.FLOTILLA_COLLECTOR_HOST,
      port: config.FLOTILLA_COLLECTOR_PORT,
    });
    return {
      addresses: { otlp: addressOf(app) },
      stop: async () => {
        await closeServer(app, CLOSE_GRACE_MS);
        await log.close();
      },
    };
  } catch (error) {
    await log.close();
    throw error;
  }
}

async function createApp(
  config: Config,
  logger: Logger,
  clock: () => number,
  log: MeasuredEventLog,
  tokens: DeviceTokens,
): Promise<FastifyInstance> {
  const registry = new Registry();
  const metrics = new CollectorMetrics(registry, () => log.stats());
  const app = createHttpServer({
    logger,
    registry,
    bodyLimitBytes: config.FLOTILLA_MAX_BODY_BYTES,
    // A full log stays ready: it answers 503 with Retry-After itself, and it empties by itself.
    readiness: () =>
      log.stats().then(
        () => null,
        (error: unknown) => `the event log cannot be read: ${String(error)}`,
      ),
  });
  app.server.headersTimeout = HEADERS_TIMEOUT_MS;
  app.server.requestTimeout = REQUEST_TIMEOUT_MS;
  const rule = {
    perSecond: config.FLOTILLA_RATE_PER_DEVICE,
    burst: config.FLOTILLA_RATE_BURST_PER_DEVICE,
  };
  await addOtlpRoutes(app, {
    tokens,
    rateLimiter: new RateLimiter(rule),
    forwarder: new TelemetryForwarder({ log, metrics, logger, clock }),
    metrics,
    maxBodyBytes: config.FLOTILLA_MAX_BODY_BYTES,
    clock,
  });
  return app;
}

function addressOf(app: FastifyInstance): string {
  const { address, family, port } = app.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
