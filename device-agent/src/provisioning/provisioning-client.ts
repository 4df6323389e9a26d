import { createHash } from 'node:crypto';
import {
  challengeSchema,
  claimAnswerSchema,
  claimStatement,
  issuedCertificateSchema,
  type ClaimAnswer,
  type IssuedCertificate,
} from '@flotilla/contracts';
import type { z } from 'zod';
import type { ClaimKey } from '../identity/device-key.ts';

/** `refused`: what an operator has to look at; the rest is worth a retry soon. */
export type ProvisioningAnswer<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'retry' | 'refused'; readonly why: string };

export interface ProvisioningClientOptions {
  readonly baseUrl: string;
  readonly requestTimeoutMs: number;
}

/** The device's side of claims and renewals. Never throws for what the network or the server does. */
export class ProvisioningClient {
  readonly #options: ProvisioningClientOptions;
  constructor(options: ProvisioningClientOptions) {
    this.#options = options;
  }

  async claim(
    serial: string,
    csr: Buffer,
    key: ClaimKey,
    using: typeof fetch,
    signal: AbortSignal,
  ): Promise<ProvisioningAnswer<ClaimAnswer>> {
    const path = '/device/v1/provisioning/';
    const asked = await this.#post(`${path}challenges`, { serial }, challengeSchema, using, signal);
    if (asked.kind !== 'ok') return asked;
    const { nonce } = asked.value;
    const digest = createHash('sha256').update(csr).digest('hex');
    const signature = await key.sign(claimStatement(serial, nonce, digest));
    const claim = {
      serial,
      nonce,
      csr: csr.toString('base64'),
      signature: signature.toString('base64'),
    };
    return this.#post(`${path}claims`, claim, claimAnswerSchema, using, signal);
  }

  /** `using` shows the certificate that is to be renewed. */
  renew(
    csr: Buffer,
    using: typeof fetch,
    signal: AbortSignal,
  ): Promise<ProvisioningAnswer<IssuedCertificate>> {
    const body = { csr: csr.toString('base64') };
    return this.#post('/device/v1/certificates', body, issuedCertificateSchema, using, signal);
  }

  async #post<T extends z.ZodType>(
    path: string,
    body: unknown,
    schema: T,
    using: typeof fetch,
    signal: AbortSignal,
  ): Promise<ProvisioningAnswer<z.output<T>>> {
    const { baseUrl, requestTimeoutMs } = this.#options;
    try {
      const response = await using(`${baseUrl.replace(/\/+$/, '')}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]),
      });
      const text = await response.text();
      if (response.ok) return { kind: 'ok', value: schema.parse(JSON.parse(text)) };
      const why = `ota-service answered ${response.status}: ${text.slice(0, 500)}`;
      return { kind: response.status === 403 ? 'refused' : 'retry', why };
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      return { kind: 'retry', why: cause instanceof Error ? cause.message : String(cause) };
    }
  }
}
