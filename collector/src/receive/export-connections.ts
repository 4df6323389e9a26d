import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { ExportConnection, type ConnectionParts } from './export-connection.ts';

const SWEEP_MS = 1_000;

/**
 * Stands before an HTTP server and serves its connections as long as they bring nothing but export
 * requests of the plain kind; all others reach the server as if nobody had stood there.
 */
export class ExportConnections {
  readonly #open = new Set<ExportConnection>();
  readonly #sweep: NodeJS.Timeout;

  /**
   * `event` is the one by which the server learns of a connection that is ready for HTTP. `admit` may
   * end a connection before anything is read of it, and then returns false.
   */
  constructor(
    server: Server,
    event: 'connection' | 'secureConnection',
    admit: (socket: Socket) => boolean,
    parts: Omit<ConnectionParts, 'handOver' | 'onLeave'>,
  ) {
    const listeners = server.listeners(event);
    server.removeAllListeners(event);
    const connectionParts: ConnectionParts = {
      ...parts,
      handOver: (socket) => listeners.forEach((listener) => void listener.call(server, socket)),
      onLeave: (connection) => this.#open.delete(connection),
    };
    server.on(event, (socket: Socket) => {
      if (admit(socket)) this.#open.add(new ExportConnection(socket, connectionParts));
    });
    this.#sweep = setInterval(() => {
      const nowMs = performance.now();
      for (const connection of this.#open) connection.expire(nowMs);
    }, SWEEP_MS).unref();
  }

  /** From now on each ends with its answer. */
  beginClosing(): void {
    for (const connection of this.#open) connection.close();
  }

  destroy(): void {
    clearInterval(this.#sweep);
    for (const connection of this.#open) connection.destroy();
  }
}
