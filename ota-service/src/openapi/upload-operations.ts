import { firmwareViewSchema } from '@flotilla/contracts';
import { uploadIdSchema } from '../firmware/upload-routes.ts';
import { NO_CONTENT, ok, type Operation } from './operation.ts';

const PIECE = { type: 'application/offset+octet-stream' } as const;
const RESUMABLE = { 'Tus-Resumable': '1.0.0' } as const;
const POSITION = {
  'upload-offset': 'Bytes that are stored',
  'upload-expires': 'When it is removed if nothing comes',
} as const;
const uploads = { tag: 'Uploads', caller: 'operator' } as const;
const one = {
  ...uploads,
  path: '/api/v1/uploads/{id}',
  pathParameters: { id: uploadIdSchema },
} as const;

/** tus 1.0.0 (tus.io/protocols/resumable-upload); any of its clients will do. */
export const UPLOAD_OPERATIONS: readonly Operation[] = [
  {
    ...uploads,
    id: 'describeUploads',
    method: 'options',
    path: '/api/v1/uploads',
    summary: 'What this tus server can do',
    answers: {
      204: {
        description: 'In its headers',
        headers: {
          'tus-version': 'Versions of the protocol',
          'tus-extension': 'Extensions',
          'tus-max-size': 'Largest upload in bytes',
          'tus-checksum-algorithm': 'For Upload-Checksum',
        },
      },
    },
  },
  {
    ...uploads,
    id: 'createUpload',
    method: 'post',
    path: '/api/v1/uploads',
    summary: 'Begin a resumable upload',
    headers: {
      ...RESUMABLE,
      'Upload-Length': 'Bytes of the artifact',
      'Upload-Metadata': 'The query of POST /api/v1/firmware as `key base64,key base64`',
    },
    body: { ...PIECE, optional: true },
    answers: {
      201: { description: 'Begun', headers: { ...POSITION, location: 'Where to send pieces' } },
    },
    problems: ['conflict', 'already_exists', 'protocol_version_unsupported', 'unavailable'],
  },
  {
    ...one,
    id: 'getUploadPosition',
    method: 'head',
    summary: 'How much of it is stored',
    headers: RESUMABLE,
    answers: { 200: { description: 'In its headers', headers: POSITION } },
    problems: ['gone', 'protocol_version_unsupported'],
  },
  {
    ...one,
    id: 'appendToUpload',
    method: 'patch',
    summary: 'Send the next piece',
    headers: { ...RESUMABLE, 'Upload-Offset': 'Where the piece begins' },
    body: PIECE,
    answers: { 204: { description: 'Stored', headers: POSITION } },
    problems: [
      'gone',
      'conflict',
      'locked',
      'checksum_mismatch',
      'protocol_version_unsupported',
      'unavailable',
    ],
  },
  {
    ...one,
    id: 'overrideUploadMethod',
    method: 'post',
    summary: 'PATCH or DELETE through a proxy that passes neither',
    headers: { ...RESUMABLE, 'X-HTTP-Method-Override': 'PATCH or DELETE' },
    body: { ...PIECE, optional: true },
    answers: { 204: NO_CONTENT },
    problems: [
      'gone',
      'conflict',
      'locked',
      'checksum_mismatch',
      'method_not_allowed',
      'protocol_version_unsupported',
      'unavailable',
    ],
  },
  {
    ...one,
    id: 'terminateUpload',
    method: 'delete',
    summary: 'Give it up',
    headers: RESUMABLE,
    answers: { 204: NO_CONTENT },
    problems: ['gone', 'locked', 'protocol_version_unsupported'],
  },
  {
    ...one,
    id: 'finishUpload',
    method: 'post',
    path: '/api/v1/uploads/{id}/firmware',
    summary: 'Make a complete upload a draft',
    answers: {
      200: ok('Firmware', firmwareViewSchema, 'It was one already'),
      201: ok('Firmware', firmwareViewSchema, 'The draft'),
    },
    problems: ['gone', 'conflict', 'already_exists', 'digest_mismatch', 'locked', 'unavailable'],
  },
];
