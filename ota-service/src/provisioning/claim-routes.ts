import type { FastifyInstance } from 'fastify';
import {
  challengeRequestSchema,
  claimSchema,
  renewalSchema,
  type ClaimAnswer,
  type IssuedCertificate,
} from '@flotilla/contracts';
import { parseRequest, ProblemError } from '@flotilla/service';
import type { DeviceCallers } from '../http/device-callers.ts';
import type { ClaimNonces } from './claim-nonces.ts';
import type { Claims } from './claims.ts';

export interface ClaimRouteDeps {
  readonly claims: Claims;
  readonly nonces: ClaimNonces;
  readonly callers: DeviceCallers;
  readonly clock: () => number;
}

/** How a device comes by its certificates. */
export function registerClaimRoutes(app: FastifyInstance, deps: ClaimRouteDeps): void {
  app.post('/device/v1/provisioning/challenges', (request) => {
    const { serial } = parseRequest(challengeRequestSchema, request.body, 'body');
    // For any serial: who asks does not learn which there are.
    const { nonce, expiresAtMs } = deps.nonces.issue(serial, deps.clock());
    return { nonce, expiresAt: new Date(expiresAtMs).toISOString() };
  });

  app.post('/device/v1/provisioning/claims', async (request, reply): Promise<ClaimAnswer> => {
    const claim = parseRequest(claimSchema, request.body, 'body');
    const answer = await deps.claims.claim(claim, request.ip);
    void reply.code(201).header('cache-control', 'no-store');
    return answer;
  });

  app.post('/device/v1/certificates', async (request, reply): Promise<IssuedCertificate> => {
    const { deviceId, certificate, isLeaving } = await deps.callers.of(request);
    if (certificate === null || isLeaving) {
      throw new ProblemError('forbidden', {
        detail: 'a certificate is renewed over a connection with the one before',
      });
    }
    const { csr } = parseRequest(renewalSchema, request.body, 'body');
    void reply.code(201).header('cache-control', 'no-store');
    return deps.claims.renew(deviceId, csr);
  });
}
