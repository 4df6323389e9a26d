import type { FastifyInstance, FastifyRequest } from 'fastify';
import { deviceIdSchema } from '@flotilla/contracts';
import { parseRequest, ProblemError } from '@flotilla/service';
import type { VerifiedTokens } from '@flotilla/signing';
import { z } from 'zod';
import type { DeviceRow, DeviceStore } from '../devices/device-store.ts';
import { sendArtifact, type ArtifactRouteDeps } from '../http/artifact-route.ts';
import { retryWhenLogTakesNothing } from '../http/log-refusal.ts';
import type { ArtifactFingerprints } from './artifact-fingerprints.ts';
import type { DdiAction } from './ddi-action-store.ts';
import { authenticateController } from './ddi-auth.ts';
import type { DdiDevices } from './ddi-devices.ts';
import { ddiConfigDataSchema, ddiFeedbackSchema } from './ddi-schema.ts';

/** The only tenant: one installation serves one fleet. */
const BASE = '/default/controller/v1/:controllerId';

export interface DdiRouteDeps extends ArtifactRouteDeps {
  readonly ddi: DdiDevices;
  readonly fingerprints: ArtifactFingerprints;
  readonly devices: DeviceStore;
  readonly tokens: VerifiedTokens;
  readonly pollMs: number;
}

const controllerSchema = z.object({ controllerId: deviceIdSchema });
const actionSchema = controllerSchema.extend({ actionId: z.coerce.number().int().min(1) });

/**
 * hawkBit's Direct Device Integration API, as SWUpdate and RAUC's updater speak it: poll,
 * deploymentBase, artifacts, feedback, cancelAction, configData.
 */
export function registerDdiRoutes(app: FastifyInstance, deps: DdiRouteDeps): void {
  const { ddi } = deps;
  const callers = new WeakMap<FastifyRequest, DeviceRow>();
  app.addHook('onRequest', async (request) => {
    const { controllerId } = parseRequest(controllerSchema, request.params, 'path');
    callers.set(
      request,
      await authenticateController(request, controllerId, deps.devices, deps.tokens),
    );
  });
  const callerOf = (request: FastifyRequest): DeviceRow => {
    const device = callers.get(request);
    if (device === undefined) throw new Error('a DDI route ran without authentication');
    return device;
  };
  registerPoll(app, deps, callerOf);
  registerActions(app, deps, callerOf);
  app.put(`${BASE}/configData`, async (request, reply) => {
    await ddi.configure(callerOf(request), parseRequest(ddiConfigDataSchema, request.body, 'body'));
    return reply.code(200).send();
  });
  app.get(`${BASE}/artifacts/:sha256`, async (request, reply) =>
    sendArtifact(deps, callerOf(request).model, request, reply),
  );
}

type CallerOf = (request: FastifyRequest) => DeviceRow;

function registerPoll(app: FastifyInstance, deps: DdiRouteDeps, callerOf: CallerOf): void {
  app.get(BASE, async (request) => {
    const device = callerOf(request);
    const task = await retryWhenLogTakesNothing(deps.ddi.poll(device));
    const base = baseUrl(request, device.id);
    const link = (path: string) => ({ href: `${base}/${path}` });
    return {
      config: { polling: { sleep: clockWords(deps.pollMs) } },
      _links: {
        ...(task.kind === 'install' && {
          deploymentBase: link(`deploymentBase/${task.action.id}`),
        }),
        ...(task.kind === 'cancel' && { cancelAction: link(`cancelAction/${task.action.id}`) }),
        // Until it is known what runs there.
        ...(device.firmware_version === null && { configData: link('configData') }),
      },
    };
  });
}

function registerActions(app: FastifyInstance, deps: DdiRouteDeps, callerOf: CallerOf): void {
  const { ddi } = deps;
  const actionOf = (request: FastifyRequest): Promise<DdiAction> =>
    ddi.action(callerOf(request), idOf(request));

  app.get(`${BASE}/deploymentBase/:actionId`, async (request) => {
    const action = await actionOf(request);
    if (action.closed_at_ms !== null)
      throw new ProblemError('gone', { detail: 'the action is over' });
    return deploymentBase(deps, action, baseUrl(request, action.device_id));
  });

  app.post(`${BASE}/deploymentBase/:actionId/feedback`, async (request, reply) => {
    const feedback = parseRequest(ddiFeedbackSchema, request.body, 'body');
    await retryWhenLogTakesNothing(ddi.feedback(callerOf(request), idOf(request), feedback));
    return reply.code(200).send();
  });

  app.get(`${BASE}/cancelAction/:actionId`, async (request) => {
    const id = String((await actionOf(request)).id);
    return { id, cancelAction: { stopId: id } };
  });

  app.post(`${BASE}/cancelAction/:actionId/feedback`, async (request, reply) => {
    const feedback = parseRequest(ddiFeedbackSchema, request.body, 'body');
    await ddi.cancelFeedback(callerOf(request), idOf(request), feedback);
    return reply.code(200).send();
  });
}

async function deploymentBase(deps: DdiRouteDeps, action: DdiAction, base: string) {
  const { model, version, sha256, size_bytes: size } = await deps.ddi.firmwareOf(action);
  const { sha1, md5, extension } = await deps.fingerprints.of(sha256, size);
  const href = `${base}/artifacts/${sha256}`;
  return {
    id: String(action.id),
    deployment: {
      download: 'forced',
      update: 'forced',
      chunks: [
        {
          part: 'os',
          version,
          name: model,
          artifacts: [
            {
              filename: `${model}-${version}.${extension}`,
              hashes: { sha1, md5, sha256 },
              size,
              // SWUpdate takes `download` over TLS and `download-http` without.
              _links: { download: { href }, 'download-http': { href } },
            },
          ],
        },
      ],
    },
  };
}

function idOf(request: FastifyRequest): number {
  return parseRequest(actionSchema, request.params, 'path').actionId;
}

function baseUrl(request: FastifyRequest, deviceId: string): string {
  return `${request.protocol}://${request.host}${BASE.replace(':controllerId', deviceId)}`;
}

/** 90,000 ms → "00:01:30", at least a second and less than a day, as the protocol writes a time. */
function clockWords(durationMs: number): string {
  const seconds = Math.min(86_399, Math.max(1, Math.round(durationMs / 1000)));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}
