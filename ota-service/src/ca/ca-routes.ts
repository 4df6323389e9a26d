import type { FastifyInstance } from 'fastify';
import { caRotationSchema, type CaView } from '@flotilla/contracts';
import { parseRequest } from '@flotilla/service';
import type { CertificateAuthority } from './certificate-authority.ts';

/** The authority for operators; mount it below operator authentication. */
export function registerCaRoutes(app: FastifyInstance, ca: CertificateAuthority): void {
  app.get('/api/v1/ca', (): CaView => ca.view());

  app.post('/api/v1/ca/rotations', async (request): Promise<CaView> => {
    const { authority, overlapMs } = parseRequest(caRotationSchema, request.body, 'body');
    await ca.rotate(authority, overlapMs);
    return ca.view();
  });
}

/** Roots are no secret; whoever checks device certificates elsewhere reads them here. */
export function registerTrustBundleRoute(app: FastifyInstance, ca: CertificateAuthority): void {
  app.get('/pki/v1/trust-bundle.pem', (_request, reply) =>
    reply
      .type('application/pem-certificate-chain')
      .header('cache-control', 'no-cache')
      .send(ca.trustBundlePem),
  );
}
