import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  decommissionReportSchema,
  pollRequestSchema,
  updateReportSchema,
  type PollResponse,
  type UpdateReport,
} from '@flotilla/contracts';
import { parseRequest, ProblemError } from '@flotilla/service';
import type { CampaignService } from '../campaigns/campaign-service.ts';
import type { DevicePolls } from '../devices/device-polls.ts';
import type { DeviceRow, DeviceStore } from '../devices/device-store.ts';
import { sendArtifact, type ArtifactRouteDeps } from './artifact-route.ts';
import type { Decommissioning } from '../lifecycle/decommissioning.ts';
import type { FirstFirmware } from '../provisioning/first-firmware.ts';
import { registeredDevice } from './device-auth.ts';
import type { DeviceCaller, DeviceCallers } from './device-callers.ts';
import { sendMetadata } from '../trust/trust-routes.ts';
import type { TrustStore } from '../trust/trust-store.ts';
import { retryWhenLogTakesNothing } from './log-refusal.ts';

export interface DeviceRouteDeps extends ArtifactRouteDeps {
  readonly devices: DeviceStore;
  readonly metadata: TrustStore;
  readonly polls: DevicePolls;
  readonly campaigns: Pick<CampaignService, 'recordReport'>;
  readonly callers: Pick<DeviceCallers, 'of'>;
  readonly decommissioning: Pick<Decommissioning, 'orderFor' | 'noteDone'>;
  readonly firstFirmware: Pick<FirstFirmware, 'takeReport'>;
  readonly clock: () => number;
}

/** A device that is told to leave looks again soon. */
const LEAVING_POLL_MS = 5000;

/** The device API; each request is by the device that its certificate or token names. */
export function registerDeviceRoutes(app: FastifyInstance, deps: DeviceRouteDeps): void {
  // Known before the body is read, so a stranger cannot make the service parse anything.
  const callers = new WeakMap<FastifyRequest, DeviceCaller>();
  app.addHook('onRequest', async (request) => {
    const caller = deps.callers.of(request);
    callers.set(request, caller instanceof Promise ? await caller : caller);
  });
  const callerBehind = (request: FastifyRequest): DeviceCaller => {
    const caller = callers.get(request);
    if (caller === undefined) throw new Error('a device route ran without authentication');
    return caller;
  };
  const callerOf = (request: FastifyRequest): Promise<DeviceRow> =>
    registeredDevice(callerBehind(request).deviceId, deps.devices);

  app.post('/device/v1/poll', async (request): Promise<PollResponse> => {
    const caller = callerBehind(request);
    if (caller.isLeaving) return orderFor(caller.deviceId, deps);
    const asked = pollRequestSchema.safeParse(request.body);
    const idle = asked.success ? await deps.polls.answerIdle(caller, asked.data) : null;
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
    const device = await callerOf(request);
    const report = parseRequest(updateReportSchema, request.body, 'body');
    await retryWhenLogTakesNothing(takeReport(device, report, deps));
    return reply.code(202).send({ reportId: report.reportId });
  });

  app.post('/device/v1/decommission', async (request, reply) => {
    const { deviceId, isLeaving } = callerBehind(request);
    const { done } = parseRequest(decommissionReportSchema, request.body, 'body');
    if (!isLeaving) {
      throw new ProblemError('conflict', { detail: `${deviceId} is not told to leave` });
    }
    await deps.decommissioning.noteDone(deviceId, done);
    return reply.code(204).send();
  });
}

async function takeReport(
  device: DeviceRow,
  report: UpdateReport,
  { firstFirmware, campaigns, clock }: DeviceRouteDeps,
): Promise<void> {
  if (await firstFirmware.takeReport(device, report, clock())) return;
  await campaigns.recordReport(device.id, report, clock());
}

/** All that a device hears which is retired; throws `forbidden` when nothing more is asked of it. */
async function orderFor(
  deviceId: string,
  { decommissioning }: DeviceRouteDeps,
): Promise<PollResponse> {
  const decommission = await decommissioning.orderFor(deviceId);
  if (decommission === null) {
    throw new ProblemError('forbidden', { detail: `the device ${deviceId} is retired` });
  }
  return { pollAfterMs: LEAVING_POLL_MS, deployment: null, decommission };
}
