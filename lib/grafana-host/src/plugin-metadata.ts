import { z } from 'zod';

export const ORG_ROLES = ['Viewer', 'Editor', 'Admin'] as const;
export type OrgRole = (typeof ORG_ROLES)[number];

const routeSchema = z.strictObject({
  path: z.string().regex(/^[^/]/, 'is relative to the proxy'),
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']),
  url: z.string(),
  reqAction: z.string(),
  reqRole: z.enum(ORG_ROLES),
  headers: z.array(z.strictObject({ name: z.string(), content: z.string() })),
});
export type PluginRoute = z.infer<typeof routeSchema>;

/** The part of an app's `plugin.json` that decides who may do what. */
export const pluginMetadataSchema = z.looseObject({
  type: z.literal('app'),
  // grafana.com's naming rule for plugin ids.
  id: z.string().regex(/^[0-9a-z]+-([0-9a-z]+-)?app$/),
  includes: z.array(
    z.looseObject({
      type: z.enum(['page', 'dashboard']),
      name: z.string(),
      path: z.string(),
      action: z.string().optional(),
      addToNav: z.boolean().optional(),
    }),
  ),
  roles: z.array(
    z.strictObject({
      role: z.strictObject({
        name: z.string(),
        description: z.string(),
        permissions: z.array(z.strictObject({ action: z.string() })),
      }),
      grants: z.array(z.enum(ORG_ROLES)),
    }),
  ),
  routes: z.array(routeSchema),
});
export type PluginMetadata = z.infer<typeof pluginMetadataSchema>;

/** Actions of a basic role: what is granted to it and to every lower one. */
export function actionsOf(metadata: PluginMetadata, role: OrgRole): ReadonlySet<string> {
  const held = ORG_ROLES.slice(0, ORG_ROLES.indexOf(role) + 1);
  const own = metadata.roles
    .filter(({ grants }) => grants.some((grant) => held.includes(grant)))
    .flatMap((r) => r.role.permissions.map(({ action }) => action));
  // Grafana's own: who may see an app at all, and who may configure it.
  return new Set([...own, 'plugins.app:access', ...(role === 'Admin' ? ['plugins:write'] : [])]);
}
