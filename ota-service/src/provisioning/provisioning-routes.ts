import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import {
  manifestUploadQuerySchema,
  manufacturerCreateSchema,
  provisioningRuleSchema,
  quarantineResolutionSchema,
  type ListOf,
  type ManifestView,
  type ManufacturerView,
  type ProvisioningRuleView,
  type QuarantineView,
} from '@flotilla/contracts';
import { parseRequest, ProblemError } from '@flotilla/service';
import { readPublicKey } from '@flotilla/signing';
import { z } from 'zod';
import type { FirmwareStore } from '../firmware/firmware-store.ts';
import type { IdentityStore } from './identity-store.ts';
import type { ManifestStore } from './manifest-store.ts';
import { receiveManifest } from './manifest-upload.ts';
import type { Quarantine } from './quarantine.ts';
import type { ManufacturerTable, ProvisioningRuleTable } from './tables.ts';

export interface ProvisioningRouteDeps {
  readonly manifests: ManifestStore;
  readonly identities: IdentityStore;
  readonly quarantine: Quarantine;
  readonly firmware: Pick<FirmwareStore, 'byId'>;
  readonly newId: (prefix: string) => string;
  readonly clock: () => number;
}

const pathSchema = z.strictObject({ id: z.string().min(1).max(64) });
export const quarantineQuerySchema = z.strictObject({
  open: z.enum(['true', 'false']).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
});

/** Manufacturers, manifests, rules and the quarantine; mount it below operator authentication. */
export function registerProvisioningRoutes(
  app: FastifyInstance,
  deps: ProvisioningRouteDeps,
): void {
  registerManufacturers(app, deps);
  registerRules(app, deps);
  registerQuarantine(app, deps);
  // A manifest comes as it is and is never held as a whole.
  void app.register((scoped, _options, done) => {
    scoped.removeAllContentTypeParsers();
    scoped.addContentTypeParser('*', (_request, payload, parsed) => parsed(null, payload));
    scoped.post('/api/v1/provisioning/manifests', async (request, reply): Promise<ManifestView> => {
      const query = parseRequest(manifestUploadQuerySchema, request.query, 'query');
      const { manufacturer, format } = query;
      const signature = Buffer.from(query.signature, 'base64');
      const upload = { id: deps.newId('mft'), manufacturer, format, signature };
      const body = request.body as AsyncIterable<Buffer>;
      void reply.code(201);
      return receiveManifest(upload, body, deps.manifests, deps.clock());
    });
    done();
  });
}

function registerManufacturers(app: FastifyInstance, deps: ProvisioningRouteDeps): void {
  const { manifests, clock } = deps;
  app.get('/api/v1/provisioning/manufacturers', async (): Promise<ListOf<ManufacturerView>> => ({
    items: (await manifests.manufacturers()).map(manufacturerView),
  }));

  app.post('/api/v1/provisioning/manufacturers', async (request, reply) => {
    const { name, publicKeyPem } = parseRequest(manufacturerCreateSchema, request.body, 'body');
    requireEd25519(publicKeyPem);
    const row: ManufacturerTable = {
      id: randomUUID(),
      name,
      public_key_pem: publicKeyPem,
      created_at_ms: clock(),
      revoked_at_ms: null,
    };
    if (!(await manifests.addManufacturer(row))) throw taken('manufacturer', name);
    void reply.code(201);
    return manufacturerView(row);
  });

  app.delete('/api/v1/provisioning/manufacturers/:id', async (request, reply) => {
    const { id } = parseRequest(pathSchema, request.params, 'path');
    if (!(await manifests.revokeManufacturer(id, clock()))) throw missing('manufacturer', id);
    return reply.code(204).send();
  });
}

function registerRules(app: FastifyInstance, deps: ProvisioningRouteDeps): void {
  const { identities, firmware, clock, newId } = deps;
  app.get('/api/v1/provisioning/rules', async (): Promise<ListOf<ProvisioningRuleView>> => ({
    items: (await identities.rules()).map(ruleView),
  }));

  app.post('/api/v1/provisioning/rules', async (request, reply): Promise<ProvisioningRuleView> => {
    const rule = parseRequest(provisioningRuleSchema, request.body, 'body');
    const { firstFirmwareId } = rule;
    if (firstFirmwareId !== undefined) {
      const first = await firmware.byId(firstFirmwareId);
      if (first?.state !== 'released' || first.model !== rule.model) {
        const detail = 'must be released, and of the model that the rule names';
        throw new ProblemError('validation_failed', {
          detail: `/body/firstFirmwareId: ${detail}`,
          errors: [{ pointer: '/body/firstFirmwareId', detail }],
        });
      }
    }
    const row: ProvisioningRuleTable = {
      id: newId('rule'),
      name: rule.name,
      priority: rule.priority,
      model: rule.model ?? null,
      serial_prefix: rule.serialPrefix ?? null,
      group_name: rule.group,
      labels_json: JSON.stringify(rule.labels),
      first_firmware_id: firstFirmwareId ?? null,
      created_at_ms: clock(),
    };
    if (!(await identities.addRule(row))) throw taken('rule', rule.name);
    void reply.code(201);
    return ruleView(row);
  });

  app.delete('/api/v1/provisioning/rules/:id', async (request, reply) => {
    const { id } = parseRequest(pathSchema, request.params, 'path');
    if (!(await identities.removeRule(id))) throw missing('rule', id);
    return reply.code(204).send();
  });
}

function registerQuarantine(app: FastifyInstance, { quarantine }: ProvisioningRouteDeps): void {
  app.get('/api/v1/provisioning/quarantine', async (request): Promise<ListOf<QuarantineView>> => {
    const { open, limit } = parseRequest(quarantineQuerySchema, request.query, 'query');
    const isOpen = open === undefined ? undefined : open === 'true';
    return { items: await quarantine.list(isOpen, limit) };
  });

  app.post(
    '/api/v1/provisioning/quarantine/:id/resolution',
    async (request): Promise<QuarantineView> => {
      const { id } = parseRequest(pathSchema, request.params, 'path');
      const body = parseRequest(quarantineResolutionSchema, request.body, 'body');
      return quarantine.resolve(id, body.resolution, body.reason);
    },
  );
}

function manufacturerView(row: ManufacturerTable): ManufacturerView {
  return {
    id: row.id,
    name: row.name,
    publicKeyPem: row.public_key_pem,
    createdAt: new Date(row.created_at_ms).toISOString(),
    revokedAt: row.revoked_at_ms === null ? null : new Date(row.revoked_at_ms).toISOString(),
  };
}

function ruleView(row: ProvisioningRuleTable): ProvisioningRuleView {
  return {
    id: row.id,
    name: row.name,
    priority: row.priority,
    ...(row.model !== null && { model: row.model }),
    ...(row.serial_prefix !== null && { serialPrefix: row.serial_prefix }),
    group: row.group_name,
    labels: JSON.parse(row.labels_json) as ProvisioningRuleView['labels'],
    ...(row.first_firmware_id !== null && { firstFirmwareId: row.first_firmware_id }),
    createdAt: new Date(row.created_at_ms).toISOString(),
  };
}

function requireEd25519(pem: string): void {
  try {
    readPublicKey(pem);
  } catch (cause) {
    const detail = 'must be an Ed25519 public key in PEM';
    throw new ProblemError('validation_failed', {
      detail: `/body/publicKeyPem: ${detail}`,
      errors: [{ pointer: '/body/publicKeyPem', detail }],
      cause,
    });
  }
}

function taken(what: string, name: string): ProblemError {
  return new ProblemError('already_exists', { detail: `there is a ${what} ${name} already` });
}

function missing(what: string, id: string): ProblemError {
  return new ProblemError('not_found', { detail: `no ${what} ${id}` });
}
