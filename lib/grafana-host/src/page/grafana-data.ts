import type { ComponentType } from 'react';

export type PageProps = Readonly<Record<string, unknown>>;

export interface ConfigPage {
  readonly id: string;
  readonly title: string;
  readonly body: ComponentType<PageProps>;
}

/** `@grafana/data`, as far as an app without a panel needs it. */
export class AppPlugin {
  root: ComponentType<PageProps> | undefined;
  readonly configPages: ConfigPage[] = [];

  setRootPage(root: ComponentType<PageProps>): this {
    this.root = root;
    return this;
  }

  addConfigPage(page: ConfigPage): this {
    this.configPages.push(page);
    return this;
  }
}

export const PageLayoutType = { Standard: 0, Canvas: 1, Custom: 2 } as const;
