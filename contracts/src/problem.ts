import { z } from 'zod';

/**
 * Every problem our services answer with: stable code, HTTP status, title.
 * `type` is `https://flotilla.dev/problems/<code>` (RFC 9457, 3.1.1).
 */
export const PROBLEMS = {
  validation_failed: { status: 400, title: 'The request breaks a rule of its schema' },
  malformed_body: { status: 400, title: 'The body could not be decoded' },
  unauthenticated: { status: 401, title: 'Credentials are missing or not valid' },
  forbidden: { status: 403, title: 'These credentials may not do this' },
  identity_mismatch: {
    status: 403,
    title: 'The payload names another device than its credentials',
  },
  not_found: { status: 404, title: 'There is no such thing' },
  method_not_allowed: { status: 405, title: 'This path does not take this method' },
  conflict: { status: 409, title: 'The current state does not allow this' },
  already_exists: { status: 409, title: 'Something with this key exists already' },
  gone: { status: 410, title: 'It was here and is not any more' },
  protocol_version_unsupported: {
    status: 412,
    title: 'This version of the protocol is not understood',
  },
  body_too_large: { status: 413, title: 'The body is larger than the limit' },
  unsupported_media_type: { status: 415, title: 'This content type or encoding is not understood' },
  range_not_satisfiable: { status: 416, title: 'The range lies outside the artifact' },
  signature_invalid: { status: 422, title: 'The signature does not hold for this content' },
  digest_mismatch: {
    status: 422,
    title: 'The content does not have the digest it was announced with',
  },
  locked: { status: 423, title: 'Another request is at work on this' },
  too_many_requests: { status: 429, title: 'Over the rate limit' },
  checksum_mismatch: { status: 460, title: 'These bytes do not have the checksum sent with them' },
  internal: { status: 500, title: 'The service failed' },
  unavailable: { status: 503, title: 'The service cannot take this now' },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

export const PROBLEM_TYPE_BASE = 'https://flotilla.dev/problems/';

/** One broken rule: where (JSON pointer, RFC 6901) and what. */
export const fieldErrorSchema = z.object({ pointer: z.string(), detail: z.string() });
export type FieldError = z.infer<typeof fieldErrorSchema>;

/** `application/problem+json`, RFC 9457; `code` and `errors` are extension members (3.2). */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string().optional(),
  instance: z.string().optional(),
  code: z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]),
  errors: z.array(fieldErrorSchema).optional(),
});
export type Problem = z.infer<typeof problemSchema>;
