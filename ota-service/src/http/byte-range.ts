/** What of a representation to send. Positions are inclusive. */
export type RangeDecision =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly first: number; readonly last: number }
  | { readonly kind: 'unsatisfiable' };

export interface RangeRequest {
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
}

/**
 * Judges a Range header against a representation of `sizeBytes` bytes (RFC 9110, 14.2). A range that
 * is malformed, of another unit, or one of several is ignored, as the clause allows.
 */
export function decideRange(request: RangeRequest, etag: string, sizeBytes: number): RangeDecision {
  if (request.range === undefined) return { kind: 'whole' };
  // RFC 9110, 13.1.5: strong comparison; a date never matches, for we send no Last-Modified.
  if (request.ifRange !== undefined && request.ifRange !== etag) return { kind: 'whole' };
  const match = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(request.range);
  if (match === null) return { kind: 'whole' };
  const [, firstText = '', lastText = ''] = match;
  if (firstText === '') return lastText === '' ? { kind: 'whole' } : suffix(lastText, sizeBytes);
  const first = Number(firstText);
  const last = lastText === '' ? sizeBytes - 1 : Number(lastText);
  // 14.1.1: a last position before the first makes the range invalid, and so ignored …
  if (lastText !== '' && last < first) return { kind: 'whole' };
  // … while a first position behind the end makes it unsatisfiable (14.1.2).
  if (first >= sizeBytes) return { kind: 'unsatisfiable' };
  return { kind: 'part', first, last: Math.min(last, sizeBytes - 1) };
}

/** The last n bytes; all of them when there are fewer (14.1.2). */
function suffix(lengthText: string, sizeBytes: number): RangeDecision {
  const length = Number(lengthText);
  if (length === 0 || sizeBytes === 0) return { kind: 'unsatisfiable' };
  return { kind: 'part', first: Math.max(0, sizeBytes - length), last: sizeBytes - 1 };
}
