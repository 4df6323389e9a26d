import amdModule from 'amd-module';
import * as grafanaData from '@grafana/data';
import * as grafanaRuntime from '@grafana/runtime';
import * as grafanaUi from '@grafana/ui';
import * as react from 'react';
import type { Pages } from './pages-entry.ts';
import type { PluginSettings } from './plugin-id.ts';
import { EXTERNALS_KEY, PAGES_KEY, share, shared, type EXTERNALS } from './shared-modules.ts';

/** Names of the built files, which carry hashes. */
declare const FLOTILLA_FILES: { readonly pages: string; readonly style: string };

const externals: Record<(typeof EXTERNALS)[number], object> = {
  react,
  '@grafana/data': grafanaData,
  '@grafana/runtime': grafanaRuntime,
  '@grafana/ui': grafanaUi,
};
share(EXTERNALS_KEY, externals);

/** The plugin's folder: on a sub-path or a CDN it is elsewhere, so it is read from this module's address. */
const folder = new URL('.', new URL(amdModule.uri, document.baseURI));
const hrefOf = (file: string) => new URL(file, folder).href;

let loading: Promise<Pages> | undefined;

/**
 * Loads the pages once, when the first is opened. By elements and not by `import()`: Grafana's loader
 * evaluates this file as text, and the Content-Security-Policy (`strict-dynamic`) does not trust an import
 * of evaluated text once the browser has it in its cache.
 */
function loadPages(): Promise<Pages> {
  loading ??= new Promise<Pages>((resolve, reject) => {
    const style = document.createElement('link');
    style.rel = 'stylesheet';
    style.href = hrefOf(FLOTILLA_FILES.style);
    const script = document.createElement('script');
    script.type = 'module';
    script.src = hrefOf(FLOTILLA_FILES.pages);
    script.onload = () => {
      const pages = shared(PAGES_KEY);
      if (pages === undefined) reject(new Error('the pages did not start'));
      else resolve(pages as Pages);
    };
    script.onerror = () => {
      loading = undefined;
      reject(new Error(`${script.src} could not be loaded`));
    };
    document.head.append(style, script);
  });
  return loading;
}

const PluginApp = react.lazy(async () => ({ default: (await loadPages()).PluginApp }));
const ConfigPage = react.lazy(async () => ({ default: (await loadPages()).ConfigPage }));

export const plugin = new grafanaData.AppPlugin<PluginSettings>()
  .setRootPage((props) => (
    <react.Suspense fallback={null}>
      <PluginApp {...props} />
    </react.Suspense>
  ))
  .addConfigPage({
    id: 'configuration',
    title: 'Configuration',
    icon: 'cog',
    body: (props) => (
      <react.Suspense fallback={null}>
        <ConfigPage {...props} />
      </react.Suspense>
    ),
  });
