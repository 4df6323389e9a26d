import type { TLSSocket } from 'node:tls';
import { certificateIdentity, type CertificateIdentity } from './certificate-identity.ts';

/** The open TLS connections of devices, to end those of one at once. */
export class DeviceConnections {
  readonly #isDenied: (identity: CertificateIdentity) => boolean;
  /** By `device <id>` and by `certificate <serial number>`. */
  readonly #open = new Map<string, Set<TLSSocket>>();

  constructor(isDenied: (identity: CertificateIdentity) => boolean) {
    this.#isDenied = isDenied;
  }

  /**
   * To be told of every connection. Ends one whose certificate is not ours, or whose holder is denied;
   * true when it may go on.
   */
  add(socket: TLSSocket): boolean {
    const presented = Object.keys(socket.getPeerCertificate()).length > 0;
    const identity = certificateIdentity(socket);
    if ((presented && !socket.authorized) || (identity !== null && this.#isDenied(identity))) {
      socket.destroy();
      return false;
    }
    if (identity === null) return true;
    for (const key of keysOf(identity)) this.#keep(key, socket);
    return true;
  }

  /** Ends the connections of a device or of a certificate. */
  cut(kind: 'device' | 'certificate', subject: string): void {
    for (const socket of this.#open.get(`${kind} ${subject}`) ?? []) socket.destroy();
  }

  #keep(key: string, socket: TLSSocket): void {
    const sockets = this.#open.get(key) ?? new Set();
    this.#open.set(key, sockets.add(socket));
    socket.once('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0 && this.#open.get(key) === sockets) this.#open.delete(key);
    });
  }
}

function keysOf({ deviceId, serialNumber }: CertificateIdentity): string[] {
  return [`device ${deviceId}`, `certificate ${serialNumber}`];
}
