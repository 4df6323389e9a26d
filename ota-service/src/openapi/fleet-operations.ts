import {
  deviceIdSchema,
  deviceLogsSchema,
  deviceResourcesSchema,
  deviceViewSchema,
  fleetSummarySchema,
  listOf,
} from '@flotilla/contracts';
import {
  deviceLogsQuerySchema,
  deviceResourcesQuerySchema,
  fleetDevicesQuerySchema,
} from '../fleet/fleet-routes.ts';
import { ok, type Operation } from './operation.ts';

const fleet = { tag: 'Fleet', caller: 'operator', method: 'get' } as const;

export const FLEET_OPERATIONS: readonly Operation[] = [
  {
    ...fleet,
    id: 'getFleetSummary',
    path: '/api/v1/fleet/summary',
    summary: 'Counts by health, version and group, and the worst devices',
    answers: { 200: ok('FleetSummary', fleetSummarySchema) },
  },
  {
    ...fleet,
    id: 'listDevicesByHealth',
    path: '/api/v1/fleet/devices',
    summary: 'Devices of a health status, the worst first',
    query: fleetDevicesQuerySchema,
    answers: { 200: ok('DeviceList', listOf(deviceViewSchema)) },
    problems: ['unavailable'],
  },
  {
    ...fleet,
    id: 'getDeviceResources',
    path: '/api/v1/devices/{id}/resources',
    summary: 'Utilization of CPU, memory and disk over time',
    pathParameters: { id: deviceIdSchema },
    query: deviceResourcesQuerySchema,
    answers: { 200: ok('DeviceResources', deviceResourcesSchema) },
    problems: ['unavailable'],
  },
  {
    ...fleet,
    id: 'getDeviceLogs',
    path: '/api/v1/devices/{id}/logs',
    summary: 'Log records of the last day, newest first',
    pathParameters: { id: deviceIdSchema },
    query: deviceLogsQuerySchema,
    answers: { 200: ok('DeviceLogs', deviceLogsSchema) },
    problems: ['unavailable'],
  },
];
