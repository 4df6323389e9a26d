export { buildConsole } from './build-console.ts';
export { buildPlugin } from './build-plugin.ts';
