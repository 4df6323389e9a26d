import { createServer, type RequestListener, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import { createServer as createNetServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  createServer as createTlsServer,
  Server as TlsServer,
  TLSSocket,
  type TlsOptions,
} from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import type { Logger } from '@flotilla/service';
import type { DeviceConnections } from '@flotilla/signing';
import { PeerDevices } from './client-certificate.ts';
import { ExportConnections } from './export-connections.ts';
import { grpcServer } from './otlp-grpc.ts';
import { httpReceiver } from './otlp-http.ts';
import type { ReceiveParts } from './receiver.ts';

/** A sender that dribbles its request does not keep a connection for ever. */
const HEADERS_TIMEOUT_MS = 15_000;
const REQUEST_TIMEOUT_MS = 60_000;
const CLOSE_POLL_MS = 50;

export interface TlsFiles {
  readonly key: Buffer;
  readonly cert: Buffer;
  /** Signs client certificates; null when none are asked for. */
  readonly clientCa: Buffer | null;
}

export interface ListenOptions {
  readonly host: string;
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly tls: TlsFiles | null;
  /** Hears of every TLS connection, and says which may go on. */
  readonly deviceConnections: Pick<DeviceConnections, 'add'>;
  /** How long an HTTP connection may lie idle. */
  readonly keepAliveMs: number;
  /** Answers every HTTP path that is not OTLP's, such as /healthz. */
  readonly fallback: RequestListener;
  readonly logger: Logger;
}

export interface RunningReceivers {
  /** URL of OTLP/HTTP and `host:port` URL of OTLP/gRPC. */
  readonly addresses: { readonly otlp: string; readonly otlpGrpc: string };
  /** From the next connection on; nothing where there is no TLS. */
  useTls(files: TlsFiles): void;
  /** Ends after the requests in flight, or after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/**
 * OTLP over HTTP and gRPC, each on a port of its own, with one admission. To send telemetry elsewhere
 * than to the log (as an edge gateway does) pass other `parts`: `authenticate` says whose a request is,
 * `admission` how much it may send, `forward(signal, [{ deviceId, batchId, body }])` takes it and resolves
 * when it is safe. Rejects when a port is taken.
 */
export async function startReceivers(
  parts: ReceiveParts,
  options: ListenOptions,
): Promise<RunningReceivers> {
  const { host, tls, deviceConnections, logger } = options;
  const admit = (socket: Socket) => !(socket instanceof TLSSocket) || deviceConnections.add(socket);
  const receiver = httpReceiver(parts, logger, options.fallback);
  const http =
    tls === null
      ? createServer(receiver.listener)
      : createHttpsServer(tlsOptions(tls), receiver.listener);
  http.headersTimeout = HEADERS_TIMEOUT_MS;
  http.requestTimeout = REQUEST_TIMEOUT_MS;
  http.keepAliveTimeout = options.keepAliveMs;
  const event = tls === null ? 'connection' : 'secureConnection';
  const connections = new ExportConnections(http, event, admit, {
    receive: parts,
    logger,
    keepAliveMs: options.keepAliveMs,
    firstRequestMs: HEADERS_TIMEOUT_MS,
    requestMs: REQUEST_TIMEOUT_MS,
  });

  const peers = new PeerDevices();
  const grpc = grpcServer(parts, peers, logger);
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  const grpcListener =
    tls === null
      ? createNetServer((socket) => injector.injectConnection(socket))
      : createTlsServer({ ...tlsOptions(tls), ALPNProtocols: ['h2'] }, (socket) => {
          if (!admit(socket)) return;
          peers.add(socket);
          injector.injectConnection(socket);
        });
  try {
    await listen(http, host, options.httpPort);
    await listen(grpcListener, host, options.grpcPort);
  } catch (error) {
    http.close();
    throw error;
  }
  const scheme = tls === null ? 'http' : 'https';
  return {
    addresses: {
      otlp: `${scheme}://${hostAndPort(http)}`,
      otlpGrpc: `${scheme}://${hostAndPort(grpcListener)}`,
    },
    useTls: (files) => useTls([http, grpcListener], files),
    stop: async (graceMs) => {
      receiver.beginClosing();
      connections.beginClosing();
      grpcListener.close();
      injector.drain(graceMs);
      const grpcStopped = new Promise<void>((resolve) => grpc.tryShutdown(() => resolve()));
      await closeHttp(http, connections, graceMs);
      await Promise.race([grpcStopped, delay(graceMs, undefined, { ref: false })]);
      grpc.forceShutdown();
    },
  };
}

/** A certificate is asked for and not demanded: identity may come from a token, which admission checks. */
function tlsOptions({ key, cert, clientCa }: TlsFiles): TlsOptions {
  const base: TlsOptions = { key, cert, minVersion: 'TLSv1.2' };
  if (clientCa === null) return base;
  return { ...base, ca: clientCa, requestCert: true, rejectUnauthorized: false };
}

function useTls(servers: readonly NetServer[], files: TlsFiles): void {
  for (const server of servers) {
    if (server instanceof TlsServer) server.setSecureContext(tlsOptions(files));
  }
}

function listen(server: NetServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** A connection that falls idle only after the close began would otherwise stay until its keep-alive ends. */
async function closeHttp(
  server: HttpServer,
  connections: ExportConnections,
  graceMs: number,
): Promise<void> {
  let closed = false;
  const closing = new Promise<void>((resolve) => server.close(() => resolve())).then(() => {
    closed = true;
  });
  const deadline = performance.now() + graceMs;
  while (!closed && performance.now() < deadline) {
    server.closeIdleConnections();
    await Promise.race([closing, delay(CLOSE_POLL_MS)]);
  }
  if (!closed) server.closeAllConnections();
  connections.destroy();
  await closing;
}

function hostAndPort(server: NetServer): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
