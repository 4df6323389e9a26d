import * as React from 'react';
import type { AppPlugin } from './grafana-data.ts';
import * as grafanaData from './grafana-data.ts';
import * as grafanaRuntime from './grafana-runtime.tsx';
import * as grafanaUi from './grafana-ui.ts';

interface SystemJs {
  import(id: string): Promise<{ readonly plugin?: AppPlugin }>;
  set(id: string, module: object): void;
  addImportMap(map: { readonly imports: Record<string, string> }): void;
  readonly constructor: {
    prototype: {
      shouldFetch: () => boolean;
      fetch: (url: string, options?: object) => Promise<Response>;
    };
  };
}

declare global {
  interface Window {
    System: SystemJs;
    define: unknown;
    __grafana_amd_define: unknown;
  }
}

const PROVIDED: Readonly<Record<string, object>> = {
  react: { ...React, default: React },
  '@grafana/data': grafanaData,
  '@grafana/runtime': grafanaRuntime,
  '@grafana/ui': grafanaUi,
};

/**
 * Loads `module.js` as Grafana's loader does: SystemJS fetches the text, sees an AMD module, hands it the
 * loader's own `define`, and resolves its dependencies to the modules that the host provides.
 */
export async function loadPlugin(id: string): Promise<AppPlugin> {
  const { System } = window;
  window.__grafana_amd_define = window.define;
  window.define = undefined;
  const imports = Object.fromEntries(
    Object.keys(PROVIDED).map((name) => [name, `package:${name}`]),
  );
  System.addImportMap({ imports });
  for (const [name, module] of Object.entries(PROVIDED)) System.set(`package:${name}`, module);
  const { prototype } = System.constructor;
  const fetchModule = prototype.fetch.bind(prototype);
  prototype.shouldFetch = () => true;
  prototype.fetch = async (url, options) => {
    const source = await (await fetchModule(url, options)).text();
    const wrapped = `(function(define) {\n${source}\n})(window.__grafana_amd_define);`;
    return new Response(new Blob([wrapped], { type: 'text/javascript' }));
  };
  const module = await System.import(`/public/plugins/${id}/module.js?_cache=1`);
  if (module.plugin === undefined) throw new Error('module.js exports no plugin');
  return module.plugin;
}
