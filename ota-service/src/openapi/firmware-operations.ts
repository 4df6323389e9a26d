import {
  channelPromoteSchema,
  channelViewSchema,
  firmwareIdSchema,
  firmwareUploadQuerySchema,
  firmwareViewSchema,
  floorRaiseSchema,
  garbageCollectionSchema,
  garbageReportSchema,
  listOf,
  modelPutSchema,
  modelViewSchema,
  nameSchema,
  promotionSchema,
  releaseNotesSchema,
  withdrawalSchema,
} from '@flotilla/contracts';
import { firmwareListQuerySchema } from '../firmware/firmware-routes.ts';
import { promotionsQuerySchema } from '../firmware/model-routes.ts';
import { json, NO_CONTENT, ok, type Operation } from './operation.ts';

const firmware = { tag: 'Firmware', caller: 'operator' } as const;
const one = { ...firmware, pathParameters: { id: firmwareIdSchema } } as const;
const models = { tag: 'Models', caller: 'operator' } as const;
const model = { ...models, pathParameters: { model: nameSchema } } as const;
const channel = { ...models, pathParameters: { model: nameSchema, channel: nameSchema } } as const;
const CHANNEL_PATH = '/api/v1/models/{model}/channels/{channel}';

export const FIRMWARE_OPERATIONS: readonly Operation[] = [
  {
    ...firmware,
    id: 'listFirmware',
    method: 'get',
    path: '/api/v1/firmware',
    summary: 'Versions, the newest first',
    query: firmwareListQuerySchema,
    answers: { 200: ok('FirmwareList', listOf(firmwareViewSchema)) },
  },
  {
    ...firmware,
    id: 'uploadFirmware',
    method: 'post',
    path: '/api/v1/firmware',
    summary: 'Upload an artifact in one request; it becomes a draft until its target is signed',
    query: firmwareUploadQuerySchema,
    body: { type: 'application/octet-stream' },
    answers: {
      200: ok('Firmware', firmwareViewSchema, 'The same artifact was there already'),
      201: ok('Firmware', firmwareViewSchema, 'The draft'),
    },
    problems: ['already_exists', 'conflict', 'digest_mismatch', 'unavailable'],
  },
  {
    ...one,
    id: 'getFirmware',
    method: 'get',
    path: '/api/v1/firmware/{id}',
    summary: 'A version with its deltas',
    answers: { 200: ok('Firmware', firmwareViewSchema) },
  },
  {
    ...one,
    id: 'withdrawFirmware',
    method: 'put',
    path: '/api/v1/firmware/{id}/withdrawal',
    summary: 'Offer and serve it to nobody any more; its campaigns pause',
    body: json('Withdrawal', withdrawalSchema),
    answers: { 200: ok('Firmware', firmwareViewSchema) },
    problems: ['conflict'],
  },
  {
    ...one,
    id: 'setReleaseNotes',
    method: 'put',
    path: '/api/v1/firmware/{id}/release-notes',
    summary: 'Replace its release notes',
    body: json('ReleaseNotes', releaseNotesSchema),
    answers: { 200: ok('Firmware', firmwareViewSchema) },
  },
  {
    ...one,
    id: 'deleteDraft',
    method: 'delete',
    path: '/api/v1/firmware/{id}',
    summary: 'Delete a draft',
    answers: { 204: NO_CONTENT },
    problems: ['conflict'],
  },
  {
    ...firmware,
    id: 'collectGarbage',
    method: 'post',
    path: '/api/v1/garbage-collections',
    summary: 'Remove artifacts that no device can need; a dry run tells which',
    body: { ...json('GarbageCollection', garbageCollectionSchema), optional: true },
    answers: { 200: ok('GarbageReport', garbageReportSchema) },
  },
];

export const MODEL_OPERATIONS: readonly Operation[] = [
  {
    ...models,
    id: 'listModels',
    method: 'get',
    path: '/api/v1/models',
    summary: 'All models',
    answers: { 200: ok('ModelList', listOf(modelViewSchema)) },
  },
  {
    ...model,
    id: 'getModel',
    method: 'get',
    path: '/api/v1/models/{model}',
    summary: 'A model',
    answers: { 200: ok('Model', modelViewSchema) },
  },
  {
    ...model,
    id: 'putModel',
    method: 'put',
    path: '/api/v1/models/{model}',
    summary: 'Create or change a model',
    body: json('ModelPut', modelPutSchema),
    answers: {
      200: ok('Model', modelViewSchema, 'Changed'),
      201: ok('Model', modelViewSchema, 'Created'),
    },
    problems: ['conflict'],
  },
  {
    ...model,
    id: 'raiseFloor',
    method: 'put',
    path: '/api/v1/models/{model}/floor',
    summary: 'Raise the anti-rollback floor; it never falls',
    body: json('FloorRaise', floorRaiseSchema),
    answers: { 200: ok('Model', modelViewSchema) },
    problems: ['conflict'],
  },
  {
    ...model,
    id: 'listChannels',
    method: 'get',
    path: '/api/v1/models/{model}/channels',
    summary: 'Channels of a model and what they point to',
    answers: { 200: ok('ChannelList', listOf(channelViewSchema)) },
  },
  {
    ...channel,
    id: 'getChannel',
    method: 'get',
    path: CHANNEL_PATH,
    summary: 'A channel',
    answers: { 200: ok('Channel', channelViewSchema) },
  },
  {
    ...channel,
    id: 'promote',
    method: 'put',
    path: CHANNEL_PATH,
    summary: 'Point a channel to a released firmware',
    body: json('ChannelPromote', channelPromoteSchema),
    answers: { 200: ok('Channel', channelViewSchema) },
    problems: ['conflict'],
  },
  {
    ...channel,
    id: 'listPromotions',
    method: 'get',
    path: `${CHANNEL_PATH}/promotions`,
    summary: 'History of a channel, the newest first',
    query: promotionsQuerySchema,
    answers: { 200: ok('PromotionList', listOf(promotionSchema)) },
  },
];
