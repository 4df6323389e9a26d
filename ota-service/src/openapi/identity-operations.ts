import {
  bulkLifecycleResultSchema,
  bulkLifecycleSchema,
  caRotationSchema,
  caViewSchema,
  challengeRequestSchema,
  challengeSchema,
  claimAnswerSchema,
  claimSchema,
  decommissionReportSchema,
  denylistPageSchema,
  deviceIdSchema,
  deviceLifecycleSchema,
  issuedCertificateSchema,
  issuedServerCertificateSchema,
  lifecycleChangeSchema,
  listOf,
  manifestUploadQuerySchema,
  manifestViewSchema,
  manufacturerCreateSchema,
  manufacturerViewSchema,
  provisioningRuleSchema,
  provisioningRuleViewSchema,
  quarantineResolutionSchema,
  quarantineViewSchema,
  renewalSchema,
  serverCertificateRequestSchema,
} from '@flotilla/contracts';
import { z } from 'zod';
import { denylistQuerySchema } from '../ca/denylist-route.ts';
import { quarantineQuerySchema } from '../provisioning/provisioning-routes.ts';
import { json, NO_CONTENT, ok, type Operation } from './operation.ts';

const lifecycle = { tag: 'Lifecycle', caller: 'operator' } as const;
const provisioning = { tag: 'Provisioning', caller: 'operator' } as const;
const authority = { tag: 'Authority', caller: 'operator' } as const;
const device = { tag: 'Device API' } as const;
const internal = { tag: 'Internal', caller: 'operator' } as const;
const id = { id: z.string() };

const LIFECYCLE_OPERATIONS: readonly Operation[] = [
  {
    ...lifecycle,
    id: 'getLifecycle',
    method: 'get',
    path: '/api/v1/devices/{id}/lifecycle',
    summary: 'State and history of a device, and how far its decommissioning is',
    pathParameters: { id: deviceIdSchema },
    answers: { 200: ok('DeviceLifecycle', deviceLifecycleSchema) },
  },
  {
    ...lifecycle,
    id: 'changeLifecycle',
    method: 'post',
    path: '/api/v1/devices/{id}/lifecycle',
    summary: 'Move a device on; to retire it is to decommission it',
    pathParameters: { id: deviceIdSchema },
    body: json('LifecycleChange', lifecycleChangeSchema),
    answers: { 200: ok('DeviceLifecycle', deviceLifecycleSchema) },
    problems: ['conflict'],
  },
  {
    ...lifecycle,
    id: 'changeLifecycles',
    method: 'post',
    path: '/api/v1/devices/bulk-lifecycle',
    summary: 'Move many devices on, by their ids or by their group',
    body: json('BulkLifecycle', bulkLifecycleSchema),
    answers: { 200: ok('BulkLifecycleResult', bulkLifecycleResultSchema) },
  },
];

const PROVISIONING_OPERATIONS: readonly Operation[] = [
  {
    ...provisioning,
    id: 'listManufacturers',
    method: 'get',
    path: '/api/v1/provisioning/manufacturers',
    summary: 'Whose manifests are taken',
    answers: { 200: ok('ManufacturerList', listOf(manufacturerViewSchema)) },
  },
  {
    ...provisioning,
    id: 'addManufacturer',
    method: 'post',
    path: '/api/v1/provisioning/manufacturers',
    summary: 'Register the key that a manufacturer signs manifests with',
    body: json('ManufacturerCreate', manufacturerCreateSchema),
    answers: { 201: ok('Manufacturer', manufacturerViewSchema) },
    problems: ['already_exists'],
  },
  {
    ...provisioning,
    id: 'revokeManufacturer',
    method: 'delete',
    path: '/api/v1/provisioning/manufacturers/{id}',
    summary: 'Take no more manifests of it',
    pathParameters: id,
    answers: { 204: NO_CONTENT },
  },
  {
    ...provisioning,
    id: 'uploadManifest',
    method: 'post',
    path: '/api/v1/provisioning/manifests',
    summary: 'A signed manufacturing manifest, all of it or nothing',
    query: manifestUploadQuerySchema,
    body: { type: 'application/octet-stream' },
    answers: { 201: ok('Manifest', manifestViewSchema) },
    problems: ['signature_invalid', 'forbidden', 'conflict'],
  },
  {
    ...provisioning,
    id: 'listProvisioningRules',
    method: 'get',
    path: '/api/v1/provisioning/rules',
    summary: 'What new devices get',
    answers: { 200: ok('ProvisioningRuleList', listOf(provisioningRuleViewSchema)) },
  },
  {
    ...provisioning,
    id: 'addProvisioningRule',
    method: 'post',
    path: '/api/v1/provisioning/rules',
    summary: 'Group, labels and first firmware of new devices',
    body: json('ProvisioningRuleCreate', provisioningRuleSchema),
    answers: { 201: ok('ProvisioningRule', provisioningRuleViewSchema) },
    problems: ['already_exists'],
  },
  {
    ...provisioning,
    id: 'removeProvisioningRule',
    method: 'delete',
    path: '/api/v1/provisioning/rules/{id}',
    summary: 'New devices get it no more',
    pathParameters: id,
    answers: { 204: NO_CONTENT },
  },
  {
    ...provisioning,
    id: 'listQuarantine',
    method: 'get',
    path: '/api/v1/provisioning/quarantine',
    summary: 'Duplicate claims, clones and unknown serials, newest first',
    query: quarantineQuerySchema,
    answers: { 200: ok('QuarantineList', listOf(quarantineViewSchema)) },
  },
  {
    ...provisioning,
    id: 'resolveQuarantine',
    method: 'post',
    path: '/api/v1/provisioning/quarantine/{id}/resolution',
    summary: 'Decide what becomes of an entry',
    pathParameters: id,
    body: json('QuarantineResolution', quarantineResolutionSchema),
    answers: { 200: ok('QuarantineEntry', quarantineViewSchema) },
    problems: ['conflict'],
  },
];

const AUTHORITY_OPERATIONS: readonly Operation[] = [
  {
    ...authority,
    id: 'getAuthority',
    method: 'get',
    path: '/api/v1/ca',
    summary: 'Roots and intermediates, and the trust bundle',
    answers: { 200: ok('CertificateAuthority', caViewSchema) },
  },
  {
    ...authority,
    id: 'rotateAuthority',
    method: 'post',
    path: '/api/v1/ca/rotations',
    summary: 'A successor for the intermediate or the root; what was signed holds on',
    body: json('CaRotation', caRotationSchema),
    answers: { 200: ok('CertificateAuthority', caViewSchema) },
  },
  {
    tag: 'Authority',
    caller: 'anyone',
    id: 'getTrustBundle',
    method: 'get',
    path: '/pki/v1/trust-bundle.pem',
    summary: 'Roots that device certificates are checked with',
    answers: {
      200: { description: 'PEM', content: { type: 'application/pem-certificate-chain' } },
    },
  },
];

const DEVICE_SIDE_OPERATIONS: readonly Operation[] = [
  {
    ...device,
    caller: 'anyone',
    id: 'challengeClaim',
    method: 'post',
    path: '/device/v1/provisioning/challenges',
    summary: 'A nonce to be signed with the claim key',
    body: json('ChallengeRequest', challengeRequestSchema),
    answers: { 200: ok('Challenge', challengeSchema) },
  },
  {
    ...device,
    caller: 'anyone',
    id: 'claimIdentity',
    method: 'post',
    path: '/device/v1/provisioning/claims',
    summary: 'Prove the claim key, get a certificate and a configuration',
    body: json('Claim', claimSchema),
    answers: { 201: ok('ClaimAnswer', claimAnswerSchema) },
    problems: ['unauthenticated', 'forbidden'],
  },
  {
    ...device,
    caller: 'device',
    id: 'renewCertificate',
    method: 'post',
    path: '/device/v1/certificates',
    summary: 'The next certificate, over a connection with the one before',
    body: json('Renewal', renewalSchema),
    answers: { 201: ok('IssuedCertificate', issuedCertificateSchema) },
  },
  {
    ...device,
    caller: 'device',
    id: 'reportDecommission',
    method: 'post',
    path: '/device/v1/decommission',
    summary: 'What of the order to leave is done',
    body: json('DecommissionReport', decommissionReportSchema),
    answers: { 204: NO_CONTENT },
    problems: ['conflict'],
  },
];

const INTERNAL_OPERATIONS: readonly Operation[] = [
  {
    ...internal,
    id: 'readDenylist',
    method: 'get',
    path: '/internal/v1/denylist',
    summary: 'Changes of the denylist, by the token of the services',
    query: denylistQuerySchema,
    answers: { 200: ok('DenylistPage', denylistPageSchema) },
  },
  {
    ...internal,
    id: 'certifyServer',
    method: 'post',
    path: '/internal/v1/server-certificates',
    summary: 'A certificate for a listener of ours, by the token of the services',
    body: json('ServerCertificateRequest', serverCertificateRequestSchema),
    answers: { 200: ok('IssuedServerCertificate', issuedServerCertificateSchema) },
    problems: ['unavailable'],
  },
];

/** Lifecycle, provisioning, the authority, and what devices and services ask of them. */
export const IDENTITY_OPERATIONS: readonly Operation[] = [
  ...LIFECYCLE_OPERATIONS,
  ...PROVISIONING_OPERATIONS,
  ...AUTHORITY_OPERATIONS,
  ...DEVICE_SIDE_OPERATIONS,
  ...INTERNAL_OPERATIONS,
];
