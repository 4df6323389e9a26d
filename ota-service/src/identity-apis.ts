import { createPublicKey } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { serverCertificateRequestSchema, type IssuedServerCertificate } from '@flotilla/contracts';
import { parseRequest, ProblemError } from '@flotilla/service';
import { registerCaRoutes, registerTrustBundleRoute } from './ca/ca-routes.ts';
import { registerDenylistRoute } from './ca/denylist-route.ts';
import { requireOperator } from './http/operator-auth.ts';
import type { IdentityServices } from './identity-services.ts';
import { registerLifecycleRoutes } from './lifecycle/lifecycle-routes.ts';
import type { OtaServiceDeps, Parts } from './ota-service.ts';
import { registerProvisioningRoutes } from './provisioning/provisioning-routes.ts';

/** Lifecycle, provisioning and the authority for operators; mount it below operator authentication. */
export function registerIdentityApi(
  app: FastifyInstance,
  deps: OtaServiceDeps,
  parts: Pick<Parts, 'firmware'>,
  identity: IdentityServices,
): void {
  registerLifecycleRoutes(app, identity.lifecycle);
  const { authority } = identity;
  if (authority === null) return;
  registerProvisioningRoutes(app, { ...deps, ...parts, ...identity });
  registerCaRoutes(app, authority.ca);
}

/** For the services beside this one, by a token of their own. */
export function registerInternalApi(
  app: FastifyInstance,
  deps: Pick<OtaServiceDeps, 'internalToken'>,
  { denylistStore, authority }: IdentityServices,
): void {
  if (authority !== null) registerTrustBundleRoute(app, authority.ca);
  const { internalToken } = deps;
  if (internalToken === undefined) return;
  void app.register((scoped, _options, done) => {
    scoped.addHook('onRequest', requireOperator(internalToken));
    registerDenylistRoute(scoped, denylistStore);
    scoped.post(
      '/internal/v1/server-certificates',
      async (request): Promise<IssuedServerCertificate> => {
        const body = parseRequest(serverCertificateRequestSchema, request.body, 'body');
        if (authority === null) {
          throw new ProblemError('unavailable', { detail: 'there is no authority to sign' });
        }
        const key = createPublicKey(body.publicKeyPem);
        const spki = key.export({ type: 'spki', format: 'der' });
        const { certPem, renewAtMs } = await authority.ca.certifyServer(body.names, spki);
        return {
          chainPem: certPem,
          trustBundlePem: authority.ca.trustBundlePem,
          renewAt: new Date(renewAtMs).toISOString(),
        };
      },
    );
    done();
  });
}
