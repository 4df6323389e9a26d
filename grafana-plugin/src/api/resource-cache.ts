/** The newest answer per resource, so that a page seen before is there at once when opened again. */
export interface CachedAnswer {
  readonly data: unknown;
  readonly updatedAtMs: number;
}

export type ResourceCache = Map<string, CachedAnswer>;

export function createResourceCache(): ResourceCache {
  return new Map();
}
