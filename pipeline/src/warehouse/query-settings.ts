import type { ClickHouseSettings } from '@clickhouse/client';

/** Values of `{name:Type}` placeholders. Text must not hold quotes, backslashes or control characters. */
export type Parameters = Readonly<Record<string, string | number>>;

// eslint-disable-next-line no-control-regex
const UNSAFE_TEXT = /['\\\u0000-\u001f]/;

/**
 * Query parameters as `param_<name>` settings, which both engines take: the server as part of the URL,
 * the embedded one as `SET param_…` on its connection. The embedded engine's own parameter call would
 * queue behind every other parameterised query of the process, a dashboard's included.
 */
export function parameterSettings(parameters: Parameters): ClickHouseSettings {
  const settings: Record<string, string> = {};
  for (const [name, value] of Object.entries(parameters)) {
    const text = String(value);
    if (UNSAFE_TEXT.test(text)) throw new RangeError(`parameter ${name} must be encoded`);
    settings[`param_${name}`] = text;
  }
  return settings;
}

/** Any text, with nothing in it that a list separator, a literal or a URL would trip over. */
export function encodeText(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll("'", '%27');
}
