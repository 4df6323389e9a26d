import { readFileSync } from 'node:fs';
import { openEventLog, type MeasuredEventLog } from '@flotilla/event-log';
import { ConfigError, createHttpServer, type Logger, type RunningService } from '@flotilla/service';
import { DeviceConnections, readPublicKey } from '@flotilla/signing';
import { Registry } from 'prom-client';
import { Denylist } from './admit/denylist.ts';
import { IdentityClient } from './admit/identity-client.ts';
import { ServerCertificate } from './receive/server-certificate.ts';
import { Admission, type AdmissionRules } from './admit/admission.ts';
import { createAuthenticate } from './admit/authenticate.ts';
import { DeviceTokens } from './admit/device-tokens.ts';
import { scaleRule } from './admit/rate-limit.ts';
import { CollectorMetrics } from './collector-metrics.ts';
import type { Config } from './config.ts';
import { TelemetryForwarder } from './forward/telemetry-forwarder.ts';
import { startReceivers, type TlsFiles } from './receive/start-receivers.ts';

/** Below the usual 10 s timeout of an OTLP exporter, so that it hears our refusal and not silence. */
const LOG_WRITE_TIMEOUT_MS = 3_000;

/** Above the log's write timeout: whoever is left after this only holds its connection open. */
const CLOSE_GRACE_MS = 5_000;

/** OTLP's registered ports. */
const HTTP_PORT = 4318;
const GRPC_PORT = 4317;

/** Before the first telemetry of OpenTelemetry 1.0 was sent; a clock that says less was never set. */
const OLDEST_TIME_MS = Date.UTC(2020, 0, 1);

/** Opens the log, then listens; `addresses.otlp` (HTTP) and `addresses.otlpGrpc` are what agents export to. */
export async function startCollector(
  config: Config,
  logger: Logger,
  clock: () => number = () => Date.now(),
): Promise<RunningService> {
  const { certificate, tls, denylist, deviceConnections } = await openIdentity(
    config,
    logger,
    clock,
  );
  const tokens = readTokens(config, clock);
  const log = await openEventLog(config.FLOTILLA_EVENT_LOG, { clock, ...logLimits(config) });
  try {
    const registry = new Registry();
    const metrics = new CollectorMetrics(registry, () => log.stats());
    const app = createHttpServer({ logger, registry, readiness: () => readiness(log) });
    await app.ready();
    const forwarder = new TelemetryForwarder({ log, metrics, logger, clock });
    const receivers = await startReceivers(
      {
        authenticate: createAuthenticate(
          tokens,
          config.FLOTILLA_TLS_CLIENT_CERT === 'required' && tls !== null && tls.clientCa !== null,
          denylist,
        ),
        admission: new Admission(admissionRules(config)),
        forward: (signal, parts) => forwarder.forward(signal, parts),
        metrics,
        clockRule: { maxAheadMs: config.FLOTILLA_MAX_CLOCK_AHEAD_MS, oldestMs: OLDEST_TIME_MS },
        maxBodyBytes: config.FLOTILLA_MAX_BODY_BYTES,
        clock,
      },
      {
        ...listenAt(config),
        tls,
        deviceConnections,
        keepAliveMs: config.FLOTILLA_KEEP_ALIVE_MS,
        fallback: (request, response) => app.routing(request, response),
        logger,
      },
    );
    denylist.start();
    certificate?.start((files) => receivers.useTls(files));
    return {
      addresses: receivers.addresses,
      stop: async () => {
        certificate?.stop();
        await denylist.stop();
        await receivers.stop(CLOSE_GRACE_MS);
        await app.close();
        await log.close();
      },
    };
  } catch (error) {
    await log.close();
    throw error;
  }
}

/** Who is let in, and with what this collector shows who it is itself. */
async function openIdentity(config: Config, logger: Logger, clock: () => number) {
  const client = IdentityClient.open(config);
  const certificate = await ServerCertificate.open(config, client, logger, clock);
  const denylist = new Denylist(client, logger);
  const deviceConnections = new DeviceConnections((holder) => denylist.denies(holder));
  denylist.onListed(({ kind, subject }) => deviceConnections.cut(kind, subject));
  return { certificate, tls: certificate?.files ?? readTls(config), denylist, deviceConnections };
}

function readTokens(config: Config, clock: () => number): DeviceTokens {
  const pem = readFileSync(config.FLOTILLA_DEVICE_TOKEN_PUBLIC_KEY_FILE, 'utf8');
  return new DeviceTokens(readPublicKey(pem), clock);
}

function logLimits(config: Config) {
  const { FLOTILLA_MAX_LOG_BYTES: maxBytes, FLOTILLA_MAX_BODY_BYTES: maxRecordBytes } = config;
  return {
    maxRecordBytes,
    writeTimeoutMs: LOG_WRITE_TIMEOUT_MS,
    ...(maxBytes !== undefined && { maxBytes }),
  };
}

function listenAt(config: Config) {
  const httpPort = config.FLOTILLA_COLLECTOR_PORT;
  const grpcPort = config.FLOTILLA_COLLECTOR_GRPC_PORT ?? (httpPort === HTTP_PORT ? GRPC_PORT : 0);
  return { host: config.FLOTILLA_COLLECTOR_HOST, httpPort, grpcPort };
}

/** A full log stays ready: it answers 503 with Retry-After itself, and it empties by itself. */
function readiness(log: MeasuredEventLog): Promise<string | null> {
  return log.stats().then(
    () => null,
    (error: unknown) => `the event log cannot be read: ${String(error)}`,
  );
}

/** Throws ConfigError when only a part of what TLS needs is there. */
function readTls(config: Config): TlsFiles | null {
  const {
    FLOTILLA_TLS_CERT_FILE: certFile,
    FLOTILLA_TLS_KEY_FILE: keyFile,
    FLOTILLA_TLS_CLIENT_CA_FILE: caFile,
  } = config;
  if (certFile === undefined && keyFile === undefined && caFile === undefined) return null;
  if (certFile === undefined || keyFile === undefined) {
    throw new ConfigError(['FLOTILLA_TLS_CERT_FILE and FLOTILLA_TLS_KEY_FILE belong together']);
  }
  if (caFile === undefined && config.FLOTILLA_TLS_CLIENT_CERT === 'required') {
    throw new ConfigError(['FLOTILLA_TLS_CLIENT_CERT=required needs FLOTILLA_TLS_CLIENT_CA_FILE']);
  }
  return {
    cert: readFileSync(certFile),
    key: readFileSync(keyFile),
    clientCa: caFile === undefined ? null : readFileSync(caFile),
  };
}

function admissionRules(config: Config): AdmissionRules {
  const perDevice = {
    requestsPerSecond: config.FLOTILLA_RATE_PER_DEVICE,
    burstRequests: config.FLOTILLA_RATE_BURST_PER_DEVICE,
    bytesPerSecond: config.FLOTILLA_BYTE_RATE_PER_DEVICE,
    burstBytes: config.FLOTILLA_BYTE_BURST_PER_DEVICE,
  };
  const total = {
    requestsPerSecond: config.FLOTILLA_RATE_TOTAL,
    burstRequests: config.FLOTILLA_RATE_TOTAL,
    bytesPerSecond: config.FLOTILLA_BYTE_RATE_TOTAL,
    burstBytes: config.FLOTILLA_BYTE_RATE_TOTAL,
  };
  const factor = config.FLOTILLA_GATEWAY_RATE_FACTOR;
  return { perDevice, perGateway: scaleRule(perDevice, factor), total };
}
