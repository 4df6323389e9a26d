import type { Permission } from '../host/host.ts';

/** As `plugin.json` has it. */
export const PLUGIN_ID = 'flotilla-fleet-app';

/** Where Grafana mounts the app, and its proxy to ota-service. */
export const APP_BASE = `/a/${PLUGIN_ID}`;
export const PROXY_BASE = `/api/plugin-proxy/${PLUGIN_ID}`;

/** The action of `plugin.json` that a permission of the pages stands for. */
export function actionOf(permission: Permission): string {
  return `${PLUGIN_ID}.${permission}`;
}

/** Plain settings of the plugin; the token is among the secret ones. */
export interface PluginSettings {
  /** Where Grafana's server reaches ota-service. */
  readonly apiUrl?: string;
}
