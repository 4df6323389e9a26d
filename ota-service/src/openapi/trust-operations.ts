import { OFFLINE_ROLES, trustViewSchema, tufDocumentSchema } from '@flotilla/contracts';
import { z } from 'zod';
import { json, NO_CONTENT, ok, type Operation } from './operation.ts';

const trust = { tag: 'Trust', caller: 'operator' } as const;
const role = { ...trust, pathParameters: { role: z.enum(OFFLINE_ROLES) } } as const;
const body = json('TufDocument', tufDocumentSchema);

export const TRUST_OPERATIONS: readonly Operation[] = [
  {
    ...trust,
    id: 'getTrust',
    method: 'get',
    path: '/api/v1/tuf',
    summary: 'The published offline roles, and what waits for more signatures',
    answers: { 200: ok('Trust', trustViewSchema) },
  },
  {
    ...role,
    id: 'publishRole',
    method: 'put',
    path: '/api/v1/tuf/{role}',
    summary: 'Publish signed metadata; signed targets release their firmware',
    body,
    answers: { 200: ok('Trust', trustViewSchema) },
    problems: ['conflict', 'signature_invalid'],
  },
  {
    ...role,
    id: 'stageRole',
    method: 'put',
    path: '/api/v1/tuf/staged/{role}',
    summary: 'Keep metadata that has not all its signatures yet',
    body,
    answers: { 200: ok('Trust', trustViewSchema) },
    problems: ['conflict', 'signature_invalid'],
  },
  {
    ...role,
    id: 'unstageRole',
    method: 'delete',
    path: '/api/v1/tuf/staged/{role}',
    summary: 'Drop what was staged',
    answers: { 204: NO_CONTENT },
  },
];
