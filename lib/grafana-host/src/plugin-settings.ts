import { z } from 'zod';

export const pluginSettingsSchema = z.object({
  enabled: z.boolean(),
  pinned: z.boolean(),
  jsonData: z.record(z.string(), z.string()).default({}),
  secureJsonData: z.record(z.string(), z.string()).default({}),
});

/** An app's settings as Grafana keeps them: secret values go in and never come out. */
export class PluginSettingsStore {
  #saved: z.infer<typeof pluginSettingsSchema> = {
    enabled: true,
    pinned: true,
    jsonData: {},
    secureJsonData: {},
  };

  save(body: unknown): void {
    const next = pluginSettingsSchema.parse(body);
    // Secrets that are not sent again stay as they were.
    const secureJsonData = { ...this.#saved.secureJsonData, ...next.secureJsonData };
    this.#saved = { ...next, secureJsonData };
  }

  /** For the proxy alone. */
  secrets(): Readonly<Record<string, string>> {
    return this.#saved.secureJsonData;
  }

  jsonData(): Readonly<Record<string, string>> {
    return this.#saved.jsonData;
  }

  /** For a browser. */
  meta(id: string): object {
    const { enabled, pinned, jsonData, secureJsonData } = this.#saved;
    const secureJsonFields = Object.fromEntries(Object.keys(secureJsonData).map((k) => [k, true]));
    return { id, enabled, pinned, jsonData, secureJsonFields };
  }
}
