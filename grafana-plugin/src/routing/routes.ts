import { HEALTH_STATUSES, type HealthStatus } from '@flotilla/contracts';

/** What the list of devices is narrowed to when it is opened. */
export interface DeviceFilter {
  readonly group?: string | undefined;
  readonly status?: HealthStatus | undefined;
}

/** Every page of the console. */
export type Route =
  | { readonly page: 'fleet' }
  | { readonly page: 'devices'; readonly filter?: DeviceFilter | undefined }
  | { readonly page: 'device'; readonly id: string }
  | { readonly page: 'campaigns' }
  | { readonly page: 'new-campaign' }
  | { readonly page: 'campaign'; readonly id: string }
  | { readonly page: 'firmware' }
  | { readonly page: 'provisioning' }
  | { readonly page: 'unknown'; readonly path: string };

/** Reads a path with its query; a trailing slash is ignored, anything else unexpected is `unknown`. */
export function parsePath(path: string): Route {
  const [pathname = '', query = ''] = path.split('?', 2);
  const parts = decodeParts(pathname);
  if (parts === null) return { page: 'unknown', path };
  const [first, id, ...rest] = parts;
  if (rest.length > 0) return { page: 'unknown', path };
  if (first === undefined) return { page: 'fleet' };
  if (first === 'devices') return id === undefined ? devicesRoute(query) : { page: 'device', id };
  if (first === 'campaigns') {
    if (id === undefined) return { page: 'campaigns' };
    return id === 'new' ? { page: 'new-campaign' } : { page: 'campaign', id };
  }
  if (first === 'firmware' && id === undefined) return { page: 'firmware' };
  if (first === 'provisioning' && id === undefined) return { page: 'provisioning' };
  return { page: 'unknown', path };
}

function devicesRoute(query: string): Route {
  const values = new URLSearchParams(query);
  const status = HEALTH_STATUSES.find((known) => known === values.get('status'));
  const group = values.get('group') ?? undefined;
  if (status === undefined && group === undefined) return { page: 'devices' };
  return {
    page: 'devices',
    filter: { ...(group !== undefined && { group }), ...(status && { status }) },
  };
}

/** The inverse of `parsePath`. */
export function pathOf(route: Route): string {
  switch (route.page) {
    case 'fleet':
      return '/';
    case 'devices':
      return `/devices${queryOf(route.filter)}`;
    case 'device':
      return `/devices/${encodeURIComponent(route.id)}`;
    case 'campaigns':
      return '/campaigns';
    case 'new-campaign':
      return '/campaigns/new';
    case 'campaign':
      return `/campaigns/${encodeURIComponent(route.id)}`;
    case 'firmware':
      return '/firmware';
    case 'provisioning':
      return '/provisioning';
    case 'unknown':
      return route.path;
  }
}

function queryOf(filter: DeviceFilter | undefined): string {
  const values = new URLSearchParams();
  if (filter?.group !== undefined) values.set('group', filter.group);
  if (filter?.status !== undefined) values.set('status', filter.status);
  return values.size === 0 ? '' : `?${values.toString()}`;
}

function decodeParts(path: string): string[] | null {
  try {
    return path
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent);
  } catch (error) {
    // A lone % (RFC 3986, 2.1) names no page; everything else is a fault of ours.
    if (error instanceof URIError) return null;
    throw error;
  }
}
