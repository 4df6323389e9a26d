import { ConfigPage } from './config-page.tsx';
import { PluginApp } from './plugin-app.tsx';
import { PAGES_KEY, share } from './shared-modules.ts';

/** What `module.js` shows; it is loaded when a page is opened. */
const pages = { ConfigPage, PluginApp };
export type Pages = typeof pages;

share(PAGES_KEY, pages);
