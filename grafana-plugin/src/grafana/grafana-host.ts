import { config, getBackendSrv, locationService } from '@grafana/runtime';
import type { Host } from '../host/host.ts';
import { createGrafanaFetch } from './grafana-fetch.ts';
import { APP_BASE, PROXY_BASE, actionOf } from './plugin-id.ts';

/** The pages inside Grafana: its router, its requests through the plugin proxy, its permissions. */
export function createGrafanaHost(): Host {
  return {
    apiBase: PROXY_BASE,
    fetch: createGrafanaFetch(getBackendSrv()),
    frame: 'embedded',
    navigation: {
      path: () => {
        const { pathname, search } = locationService.getLocation();
        const below = pathname.startsWith(APP_BASE) ? pathname.slice(APP_BASE.length) : '';
        return (below === '' ? '/' : below) + search;
      },
      href: (path) => config.appSubUrl + APP_BASE + path,
      go: (path) => locationService.push(APP_BASE + path),
      subscribe: (onChange) => locationService.getHistory().listen(onChange),
    },
    access: {
      authorization: () => null,
      can: (permission) => config.bootData.user.permissions?.[actionOf(permission)] === true,
      // Grafana ends a session on its own; there is nothing to sign in to here.
      signedOut: () => null,
      signIn: () => undefined,
      signOut: () => undefined,
      subscribe: () => () => undefined,
    },
  };
}
