import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { certificateIdentity } from '@flotilla/signing';

/** The device a verified client certificate belongs to; null on a connection that has none. */
export function certificateDeviceId(socket: Socket): string | null {
  return certificateIdentity(socket)?.deviceId ?? null;
}

/**
 * The same for gRPC, whose calls know of their connection no more than `address:port`. Live
 * connections only: a port is used again.
 */
export class PeerDevices {
  readonly #peers = new Map<string, { readonly deviceId: string | null }>();

  /** To be told of every connection. */
  add(socket: TLSSocket): void {
    const peer = `${socket.remoteAddress ?? ''}:${socket.remotePort ?? ''}`;
    const entry = { deviceId: certificateDeviceId(socket) };
    this.#peers.set(peer, entry);
    socket.once('close', () => {
      if (this.#peers.get(peer) === entry) this.#peers.delete(peer);
    });
  }

  deviceOf(peer: string): string | null {
    return this.#peers.get(peer)?.deviceId ?? null;
  }
}
