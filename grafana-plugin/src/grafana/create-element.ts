/**
 * What JSX becomes in the plugin: the function of Grafana's own React. `react/jsx-runtime` is not among
 * the modules that Grafana 12.0 provides.
 */
export { createElement, Fragment } from 'react';
