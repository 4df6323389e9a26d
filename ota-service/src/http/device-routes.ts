import type { FastifyInstance, FastifyRequest } from 'fastify';
import { pollRequestSchema, updateReportSchema, type PollResponse } from '@flotilla/contracts';
import { parseRequest } from '@flotilla/service';
import type { DeviceIdentity, VerifiedTokens } from '@flotilla/signing';
import type { CampaignService } from '../campaigns/campaign-service.ts';
import type { DevicePolls } from '../devices/device-polls.ts';
import type { DeviceRow, DeviceStore } from '../devices/device-store.ts';
import { sendArtifact, type ArtifactRouteDeps } from './artifact-route.ts';
import { bearerToken } from './bearer-token.ts';
import { identityOf, registeredDevice } from './device-auth.ts';
import { sendMetadata } from '../trust/trust-routes.ts';
import type { TrustStore } from '../trust/trust-store.ts';
import { retryWhenLogTakesNothing } from './log-refusal.ts';

export interface DeviceRouteDeps extends ArtifactRouteDeps {
  readonly devices: DeviceStore;
  readonly metadata: TrustStore;
  readonly polls: DevicePolls;
  readonly campaigns: Pick<CampaignService, 'recordReport'>;
  readonly tokens: VerifiedTokens;
  readonly clock: () => number;
}

/** The device API; each request is by the device its token names. */
export function registerDeviceRoutes(app: FastifyInstance, deps: DeviceRouteDeps): void {
  // Known before the body is read, so a stranger cannot make the service parse anything.
  const identities = new WeakMap<FastifyRequest, DeviceIdentity>();
  app.addHook('onRequest', (request, _reply, done) => {
    identities.set(request, identityOf(bearerToken(request), deps.tokens, Date.now()));
    done();
  });
  const identityBehind = (request: FastifyRequest): DeviceIdentity => {
    const identity = identities.get(request);
    if (identity === undefined) throw new Error('a device route ran without authentication');
    return identity;
  };
  const callerOf = (request: FastifyRequest): Promise<DeviceRow> =>
    registeredDevice(identityBehind(request).deviceId, deps.devices);

  app.post('/device/v1/poll', async (request): Promise<PollResponse> => {
    const asked = pollRequestSchema.safeParse(request.body);
    const idle = asked.success
      ? await deps.polls.answerIdle(identityBehind(request), asked.data)
      : null;
    if (idle !== null) return idle;
    const device = await callerOf(request);
    const poll = parseRequest(pollRequestSchema, request.body, 'body');
    return retryWhenLogTakesNothing(deps.polls.answer(device, poll));
  });

  app.get('/device/v1/artifacts/:sha256', async (request, reply) =>
    sendArtifact(deps, (await callerOf(request)).model, request, reply),
  );

  app.get('/device/v1/tuf/:file', async (request, reply) => {
    await callerOf(request);
    return sendMetadata(deps.metadata, request, reply);
  });

  app.post('/device/v1/reports', async (request, reply) => {
    const { id } = await callerOf(request);
    const report = parseRequest(updateReportSchema, request.body, 'body');
    await retryWhenLogTakesNothing(deps.campaigns.recordReport(id, report, deps.clock()));
    return reply.code(202).send({ reportId: report.reportId });
  });
}
