import {
  deviceCreatedSchema,
  deviceCreateSchema,
  deviceDetailSchema,
  deviceIdSchema,
  deviceLabelsSchema,
  deviceViewSchema,
  pageOf,
  pollRequestSchema,
  pollResponseSchema,
  sha256Schema,
  tufDocumentSchema,
  updateReportSchema,
} from '@flotilla/contracts';
import { z } from 'zod';
import { deviceListQuerySchema } from '../devices/registry-routes.ts';
import { metadataFileSchema } from '../trust/trust-routes.ts';
import { json, ok, type Operation } from './operation.ts';

const devices = { tag: 'Devices', caller: 'operator' } as const;
const device = { tag: 'Device API', caller: 'device' } as const;

export const DEVICE_OPERATIONS: readonly Operation[] = [
  {
    ...devices,
    id: 'createDevice',
    method: 'post',
    path: '/api/v1/devices',
    summary: 'Register a device; the answer alone shows its token',
    body: json('DeviceCreate', deviceCreateSchema),
    answers: {
      201: {
        ...ok('DeviceCreated', deviceCreatedSchema, 'The device and its token'),
        headers: { location: 'Where it is' },
      },
    },
    problems: ['already_exists'],
  },
  {
    ...devices,
    id: 'listDevices',
    method: 'get',
    path: '/api/v1/devices',
    summary: 'Devices by id, in pages',
    query: deviceListQuerySchema,
    answers: { 200: ok('DevicePage', pageOf(deviceViewSchema)) },
  },
  {
    ...devices,
    id: 'getDevice',
    method: 'get',
    path: '/api/v1/devices/{id}',
    summary: 'A device with its health and its updates',
    pathParameters: { id: deviceIdSchema },
    answers: { 200: ok('DeviceDetail', deviceDetailSchema) },
  },
  {
    ...devices,
    id: 'getDeviceLabels',
    method: 'get',
    path: '/api/v1/devices/{id}/labels',
    summary: 'Its labels, which campaigns select by',
    pathParameters: { id: deviceIdSchema },
    answers: { 200: ok('DeviceLabels', deviceLabelsSchema) },
  },
  {
    ...devices,
    id: 'putDeviceLabels',
    method: 'put',
    path: '/api/v1/devices/{id}/labels',
    summary: 'Replace all its labels',
    pathParameters: { id: deviceIdSchema },
    body: json('DeviceLabelsPut', deviceLabelsSchema),
    answers: { 200: ok('DeviceLabels', deviceLabelsSchema) },
  },
];

export const DEVICE_API_OPERATIONS: readonly Operation[] = [
  {
    ...device,
    id: 'poll',
    method: 'post',
    path: '/device/v1/poll',
    summary: 'What runs here, and what may I do?',
    body: json('PollRequest', pollRequestSchema),
    answers: { 200: ok('PollResponse', pollResponseSchema) },
    problems: ['unavailable'],
  },
  {
    ...device,
    id: 'downloadArtifact',
    method: 'get',
    path: '/device/v1/artifacts/{sha256}',
    summary: 'An artifact or a delta, whole or a range (RFC 9110, 14)',
    pathParameters: { sha256: sha256Schema },
    answers: {
      200: { description: 'All of it', content: { type: 'application/octet-stream' } },
      206: { description: 'The range', content: { type: 'application/octet-stream' } },
    },
    problems: ['range_not_satisfiable'],
  },
  {
    ...device,
    id: 'downloadMetadata',
    method: 'get',
    path: '/device/v1/tuf/{file}',
    summary: 'Metadata with consistent snapshots (TUF 1.0.31, 6.2)',
    pathParameters: { file: metadataFileSchema },
    answers: {
      200: ok('SignedMetadata', z.object(tufDocumentSchema.shape)),
      304: { description: 'Not changed since the given ETag' },
    },
  },
  {
    ...device,
    id: 'report',
    method: 'post',
    path: '/device/v1/reports',
    summary: 'How an update goes; idempotent by its id',
    body: json('UpdateReport', updateReportSchema),
    answers: { 202: ok('ReportAccepted', z.object({ reportId: z.uuid() }), 'Taken over durably') },
    problems: ['conflict', 'unavailable'],
  },
];
