/**
 * Milliseconds a Retry-After header asks to wait: seconds or an HTTP date (RFC 9110, 10.2.3). Null
 * when there is none or it cannot be read; a date in the past is 0.
 */
export function parseRetryAfter(header: string | null, nowMs: number): number | null {
  const text = header?.trim() ?? '';
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  // Every HTTP date starts with the name of a weekday (RFC 9110, 5.6.7); Date.parse takes far more.
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs);
}
