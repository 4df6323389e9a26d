import type { PluginRoute } from './plugin-metadata.ts';

export interface FoundRoute {
  readonly route: PluginRoute;
  /** What `*` stood for; it is appended to the route's URL. */
  readonly rest: string;
  readonly isAllowed: boolean;
}

/**
 * The route Grafana's plugin proxy takes: the first whose method and path fit decides, also when it
 * refuses. A path is literal, or ends in `*`. Null when none fits.
 */
export function findRoute(
  routes: readonly PluginRoute[],
  method: string,
  path: string,
  actions: ReadonlySet<string>,
): FoundRoute | null {
  for (const route of routes) {
    if (route.method !== method) continue;
    const rest = restOf(route.path, path);
    if (rest === null) continue;
    return { route, rest, isAllowed: actions.has(route.reqAction) };
  }
  return null;
}

function restOf(pattern: string, path: string): string | null {
  if (!pattern.endsWith('*')) return pattern === path ? '' : null;
  const prefix = pattern.slice(0, -1);
  return path.startsWith(prefix) && path.length > prefix.length ? path.slice(prefix.length) : null;
}

/** Fills `{{ .JsonData.name }}` and `{{ .SecureJsonData.name }}`. Throws for a name that is not set. */
export function interpolate(
  template: string,
  data: Readonly<Record<'JsonData' | 'SecureJsonData', Readonly<Record<string, string>>>>,
): string {
  return template.replaceAll(
    /\{\{\s*\.(JsonData|SecureJsonData)\.(\w+)\s*\}\}/g,
    (all, kind, name) => {
      const value = data[kind as 'JsonData' | 'SecureJsonData'][name as string];
      if (value === undefined) throw new Error(`the plugin's settings have no value for ${all}`);
      return value;
    },
  );
}
