import type { KeyObject } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { pollRequestSchema, updateReportSchema, type PollResponse } from '@flotilla/contracts';
import { parseRequest } from '@flotilla/service';
import type { CampaignService } from '../campaigns/campaign-service.ts';
import type { DevicePolls } from '../devices/device-polls.ts';
import type { DeviceRow, DeviceStore } from '../devices/device-store.ts';
import { sendArtifact, type ArtifactRouteDeps } from './artifact-route.ts';
import { authenticateDevice } from './device-auth.ts';
import { sendMetadata } from '../trust/trust-routes.ts';
import type { TrustStore } from '../trust/trust-store.ts';
import { retryWhenLogTakesNothing } from './log-refusal.ts';

export interface DeviceRouteDeps extends ArtifactRouteDeps {
  readonly devices: DeviceStore;
  readonly metadata: TrustStore;
  readonly polls: DevicePolls;
  readonly campaigns: Pick<CampaignService, 'recordReport'>;
  readonly deviceTokenPublicKey: KeyObject;
  readonly clock: () => number;
}

/** The device API; each request is by the device its token names. */
export function registerDeviceRoutes(app: FastifyInstance, deps: DeviceRouteDeps): void {
  // Known before the body is read, so a stranger cannot make the service parse anything.
  const callers = new WeakMap<FastifyRequest, DeviceRow>();
  app.addHook('onRequest', async (request) => {
    callers.set(
      request,
      await authenticateDevice(request, deps.devices, deps.deviceTokenPublicKey),
    );
  });
  const callerOf = (request: FastifyRequest): DeviceRow => {
    const device = callers.get(request);
    if (device === undefined) throw new Error('a device route ran without authentication');
    return device;
  };

  app.post('/device/v1/poll', async (request): Promise<PollResponse> => {
    const poll = parseRequest(pollRequestSchema, request.body, 'body');
    return retryWhenLogTakesNothing(deps.polls.answer(callerOf(request), poll));
  });

  app.get('/device/v1/artifacts/:sha256', async (request, reply) =>
    sendArtifact(deps, callerOf(request).model, request, reply),
  );

  app.get('/device/v1/tuf/:file', (request, reply) => sendMetadata(deps.metadata, request, reply));

  app.post('/device/v1/reports', async (request, reply) => {
    const report = parseRequest(updateReportSchema, request.body, 'body');
    const { id } = callerOf(request);
    await retryWhenLogTakesNothing(deps.campaigns.recordReport(id, report, deps.clock()));
    return reply.code(202).send({ reportId: report.reportId });
  });
}
