/** Every page of the console. */
export type Route =
  | { readonly page: 'fleet' }
  | { readonly page: 'device'; readonly id: string }
  | { readonly page: 'campaigns' }
  | { readonly page: 'campaign'; readonly id: string }
  | { readonly page: 'firmware' }
  | { readonly page: 'unknown'; readonly path: string };

/** Reads a path; a trailing slash is ignored, anything else unexpected is `unknown`. */
export function parsePath(path: string): Route {
  const parts = decodeParts(path);
  if (parts === null) return { page: 'unknown', path };
  const [first, id, ...rest] = parts;
  if (rest.length > 0) return { page: 'unknown', path };
  if (first === undefined) return { page: 'fleet' };
  if (first === 'devices' && id !== undefined) return { page: 'device', id };
  if (first === 'campaigns')
    return id === undefined ? { page: 'campaigns' } : { page: 'campaign', id };
  if (first === 'firmware' && id === undefined) return { page: 'firmware' };
  return { page: 'unknown', path };
}

/** The inverse of `parsePath`. */
export function pathOf(route: Route): string {
  switch (route.page) {
    case 'fleet':
      return '/';
    case 'device':
      return `/devices/${encodeURIComponent(route.id)}`;
    case 'campaigns':
      return '/campaigns';
    case 'campaign':
      return `/campaigns/${encodeURIComponent(route.id)}`;
    case 'firmware':
      return '/firmware';
    case 'unknown':
      return route.path;
  }
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
