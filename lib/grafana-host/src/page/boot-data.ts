/** What the server tells the page, as Grafana does in `grafanaBootData`. */
export interface BootData {
  readonly id: string;
  readonly theme: 'light' | 'dark';
  readonly permissions: Readonly<Record<string, boolean>>;
  readonly nav: readonly { readonly name: string; readonly path: string }[];
  readonly meta: Readonly<Record<string, unknown>>;
}

declare global {
  interface Window {
    readonly grafanaBootData: BootData;
  }
}

export const bootData = window.grafanaBootData;
