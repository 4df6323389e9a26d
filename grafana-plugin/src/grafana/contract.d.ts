/**
 * What the plugin uses of the modules that Grafana provides at run time (Grafana 12 and newer). Written
 * out because the packages with the whole of their types bring maps, time zones and charts along
 * (docs/decisions/0011-grafana-plugin.md).
 */
declare module '@grafana/data' {
  import type { ComponentType } from 'react';

  /** `meta` of an app; secrets never come back, only that they are set. */
  export interface AppPluginMeta<JsonData> {
    readonly id: string;
    readonly enabled?: boolean;
    readonly pinned?: boolean;
    readonly jsonData?: JsonData;
    readonly secureJsonFields?: Readonly<Record<string, boolean>>;
  }

  export interface AppRootProps<JsonData> {
    readonly basename: string;
    readonly path: string;
    readonly meta: AppPluginMeta<JsonData>;
  }

  export interface PluginConfigPageProps<JsonData> {
    readonly plugin: { readonly meta: AppPluginMeta<JsonData> };
  }

  export interface PluginConfigPage<JsonData> {
    readonly id: string;
    readonly title: string;
    readonly icon?: string;
    readonly body: ComponentType<PluginConfigPageProps<JsonData>>;
  }

  export class AppPlugin<JsonData> {
    setRootPage(root: ComponentType<AppRootProps<JsonData>>): this;
    addConfigPage(page: PluginConfigPage<JsonData>): this;
  }

  export const PageLayoutType: { readonly Canvas: number };

  export interface GrafanaTheme2 {
    readonly isDark: boolean;
  }
}

declare module '@grafana/runtime' {
  import type { ComponentType, ReactNode } from 'react';

  export interface BackendSrvRequest {
    readonly url: string;
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly data?: unknown;
    readonly responseType?: 'json' | 'text' | 'arraybuffer' | 'blob';
    readonly showErrorAlert?: boolean;
    readonly showSuccessAlert?: boolean;
    /** Two requests of one id: the older is cancelled. Unique here, for the pages cancel on their own. */
    readonly requestId?: string;
  }

  export interface FetchResponse<T> {
    readonly status: number;
    readonly headers: Headers;
    readonly data: T;
  }

  /** The part of rxjs' Observable that is used. */
  export interface Subscribable<T> {
    subscribe(observer: {
      next?: (value: T) => void;
      error?: (error: unknown) => void;
      complete?: () => void;
    }): { unsubscribe(): void };
  }

  export interface BackendSrv {
    fetch<T>(request: BackendSrvRequest): Subscribable<FetchResponse<T>>;
  }
  export function getBackendSrv(): BackendSrv;

  export interface LocationService {
    getLocation(): { readonly pathname: string; readonly search: string };
    push(path: string): void;
    getHistory(): { listen(listener: () => void): () => void };
  }
  export const locationService: LocationService;

  export const config: {
    readonly appSubUrl: string;
    readonly bootData: {
      readonly user: { readonly permissions?: Readonly<Record<string, boolean>> };
    };
  };

  export interface PluginPageProps {
    readonly layout?: number;
    readonly pageNav?: { readonly text: string };
    readonly children?: ReactNode;
  }
  export const PluginPage: ComponentType<PluginPageProps>;
}

declare module '@grafana/ui' {
  import type { GrafanaTheme2 } from '@grafana/data';

  export function useTheme2(): GrafanaTheme2;
}

/** The AMD module's description of itself, as SystemJS gives it. */
declare module 'amd-module' {
  const amdModule: { readonly uri: string };
  export default amdModule;
}
