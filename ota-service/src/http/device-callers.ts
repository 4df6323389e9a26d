import type { Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { BOOT_ID_HEADER } from '@flotilla/contracts';
import { ProblemError } from '@flotilla/service';
import { certificateIdentity, type DeviceIdentity, type VerifiedTokens } from '@flotilla/signing';
import type { Denylist, DenyReason } from '../ca/denylist.ts';
import type { DeviceStore } from '../devices/device-store.ts';
import type { CloneWatch } from '../provisioning/clone-watch.ts';
import { bearerToken } from './bearer-token.ts';
import { identityOf, registeredDevice } from './device-auth.ts';

export interface DeviceCaller extends DeviceIdentity {
  /** On its way out: it gets no more than its order. */
  readonly isLeaving: boolean;
  /** Of the certificate it came with; null with a token. */
  readonly certificate: string | null;
}

export interface DeviceCallersDeps {
  readonly tokens: VerifiedTokens;
  readonly devices: DeviceStore;
  readonly denylist: Pick<Denylist, 'reasonFor'>;
  readonly cloneWatch: CloneWatch;
  readonly onClone: (deviceId: string, remoteAddress: string) => Promise<void>;
}

/** Says which device a request is by: its client certificate, its token, or both, which then agree. */
export class DeviceCallers {
  readonly #deps: DeviceCallersDeps;
  /** Model and group do not change while a connection lasts, nor does its certificate. */
  readonly #behindCertificate = new WeakMap<Socket, DeviceIdentity>();

  constructor(deps: DeviceCallersDeps) {
    this.#deps = deps;
  }

  /** Throws ProblemError `unauthenticated` or `forbidden`. At once for a token, which a fleet sends often. */
  of(request: FastifyRequest): DeviceCaller | Promise<DeviceCaller> {
    const certificate = certificateIdentity(request.socket);
    if (certificate !== null) return this.#byCertificate(request, certificate);
    const identity = identityOf(bearerToken(request), this.#deps.tokens, Date.now());
    return this.#admitted(identity, null);
  }

  async #byCertificate(
    request: FastifyRequest,
    { deviceId, serialNumber }: { deviceId: string; serialNumber: string },
  ): Promise<DeviceCaller> {
    const { denylist, devices, tokens, cloneWatch, onClone } = this.#deps;
    if (denylist.reasonFor('certificate', serialNumber) === 'revoked') throw revoked(deviceId);
    if (request.headers.authorization !== undefined) {
      const byToken = identityOf(bearerToken(request), tokens, Date.now());
      if (byToken.deviceId !== deviceId) {
        throw new ProblemError('forbidden', {
          detail: `the certificate belongs to ${deviceId}, the token to ${byToken.deviceId}`,
        });
      }
    }
    const bootId = request.headers[BOOT_ID_HEADER];
    if (typeof bootId === 'string' && cloneWatch.sees(deviceId, bootId)) {
      await onClone(deviceId, request.ip);
    }
    let identity = this.#behindCertificate.get(request.socket);
    if (identity === undefined) {
      const reason = denylist.reasonFor('device', deviceId);
      const row =
        reason === 'retired' || reason === 'draining'
          ? await devices.byId(deviceId)
          : await registeredDevice(deviceId, devices);
      identity = { deviceId, model: row?.model ?? '', group: row?.group_name ?? '' };
      this.#behindCertificate.set(request.socket, identity);
    }
    return this.#admitted(identity, serialNumber);
  }

  #admitted(identity: DeviceIdentity, certificate: string | null): DeviceCaller {
    const { deviceId } = identity;
    const reason = this.#deps.denylist.reasonFor('device', deviceId) as DenyReason | undefined;
    if (reason === 'quarantined' || reason === 'revoked') throw revoked(deviceId);
    const isLeaving = reason === 'retired' || reason === 'draining';
    return { ...identity, isLeaving, certificate };
  }
}

function revoked(deviceId: string): ProblemError {
  return new ProblemError('forbidden', { detail: `${deviceId} is not let in any more` });
}
