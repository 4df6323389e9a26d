export { startGrafanaHost, type GrafanaHost, type GrafanaHostOptions } from './grafana-host.ts';
export {
  actionsOf,
  ORG_ROLES,
  pluginMetadataSchema,
  type OrgRole,
  type PluginMetadata,
} from './plugin-metadata.ts';
export { findRoute, type FoundRoute } from './plugin-routes.ts';
