import type { KeyObject } from 'node:crypto';

/**
 * The key that this device is known by: P-256, made on the device, never seen outside of it. A file
 * holds it by default (`file-device-key.ts`); for a TPM or a PKCS#11 token `sign` asks the hardware and
 * `tls` names the engine and the key in it, so that nothing else of the agent changes.
 */
export interface DeviceKey {
  readonly publicKey: KeyObject;
  /** ECDSA with SHA-256, as DER (RFC 3279, 2.2.3). */
  sign(data: Uint8Array): Promise<Buffer>;
  /** How TLS proves the key. */
  tls(): TlsKey;
  /** For good. */
  destroy(): Promise<void>;
}

/** As `tls.createSecureContext` takes it: PEM, or an engine and the key in it. */
export interface TlsKey {
  readonly key?: string;
  readonly privateKeyEngine?: string;
  readonly privateKeyIdentifier?: string;
}

/** What the factory gave the device to prove itself with once: Ed25519 or P-256. */
export interface ClaimKey {
  /** Ed25519 over the text itself, or ECDSA with SHA-256 as DER. */
  sign(text: string): Promise<Buffer>;
  destroy(): Promise<void>;
}
