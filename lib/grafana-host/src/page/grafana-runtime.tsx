import type { ReactNode } from 'react';
import { backendFetch } from './backend-srv.ts';
import { bootData } from './boot-data.ts';

/** `@grafana/runtime`, as far as an app without a panel needs it. */
export const getBackendSrv = () => ({ fetch: backendFetch });

const listeners = new Set<() => void>();
window.addEventListener('popstate', () => listeners.forEach((call) => call()));

export const locationService = {
  getLocation: () => window.location,
  push: (path: string) => {
    window.history.pushState(null, '', path);
    listeners.forEach((call) => call());
  },
  getHistory: () => ({
    listen: (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  }),
};

export const config = {
  appSubUrl: '',
  bootData: { user: { permissions: bootData.permissions } },
};

export function PluginPage({ children }: { readonly children?: ReactNode }) {
  return <div className="page-canvas">{children}</div>;
}
