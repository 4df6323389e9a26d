/** A longer wish is cut, so that one bad answer cannot silence a device. */
export const MAX_RETRY_AFTER_MS = 3_600_000;

/**
 * Milliseconds a Retry-After header asks to wait: seconds or an HTTP date (RFC 9110, 10.2.3), at most
 * MAX_RETRY_AFTER_MS. Null when there is none or it cannot be read; a date in the past is 0.
 */
export function parseRetryAfter(header: string | null, nowMs: number): number | null {
  const text = header?.trim() ?? '';
  if (/^\d+$/.test(text)) return Math.min(MAX_RETRY_AFTER_MS, Number(text) * 1000);
  // Every HTTP date starts with the name of a weekday (RFC 9110, 5.6.7); Date.parse takes far more.
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, at - nowMs));
}
