import { z } from 'zod';
import { ok, type Operation } from './operation.ts';

const service = { tag: 'Service', caller: 'anyone', method: 'get' } as const;

export const SERVICE_OPERATIONS: readonly Operation[] = [
  {
    ...service,
    id: 'getStatus',
    path: '/api/v1/status',
    caller: 'operator',
    summary: 'Version and uptime',
    answers: {
      200: ok('Status', z.object({ version: z.string(), uptimeSeconds: z.number().int() })),
    },
  },
  {
    ...service,
    id: 'getOpenApi',
    path: '/api/v1/openapi.json',
    summary: 'This document',
    answers: { 200: ok('OpenApi', z.looseObject({ openapi: z.string() })) },
  },
  {
    ...service,
    id: 'isAlive',
    path: '/healthz',
    summary: 'The process answers',
    answers: { 200: ok('Alive', z.object({ status: z.literal('ok') })) },
  },
  {
    ...service,
    id: 'isReady',
    path: '/readyz',
    summary: 'Its engines answer too',
    answers: { 200: ok('Ready', z.object({ status: z.literal('ready') })) },
    problems: ['unavailable'],
  },
  {
    ...service,
    id: 'getMetrics',
    path: '/metrics',
    summary: 'Prometheus metrics',
    answers: { 200: { description: 'Text', content: { type: 'text/plain' } } },
  },
];
