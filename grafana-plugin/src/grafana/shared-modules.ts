/** Modules that Grafana provides and no build of ours may contain a second time. */
export const EXTERNALS = ['react', '@grafana/data', '@grafana/runtime', '@grafana/ui'] as const;

/** Where the pages, which are plain modules, find what Grafana's loader gave to `module.js`. */
export const EXTERNALS_KEY = 'flotilla.externals';

/** Where `module.js` finds what the pages' entry exports. */
export const PAGES_KEY = 'flotilla.pages';

export function share(key: string, value: object): void {
  (globalThis as unknown as Record<symbol, object>)[Symbol.for(key)] = value;
}

export function shared(key: string): object | undefined {
  return (globalThis as unknown as Record<symbol, object | undefined>)[Symbol.for(key)];
}
