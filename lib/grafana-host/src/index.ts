export { startGrafanaHost, type GrafanaHost, type GrafanaHostOptions } from './grafana-host.ts';
export type { OrgRole } from './plugin-metadata.ts';
export { findRoute } from './plugin-routes.ts';
