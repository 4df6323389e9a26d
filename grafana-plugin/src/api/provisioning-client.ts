import {
  listOf,
  manifestViewSchema,
  manufacturerViewSchema,
  provisioningRuleViewSchema,
  quarantineViewSchema,
  type ListOf,
  type ManifestView,
  type ManufacturerView,
  type ProvisioningRuleView,
  type QuarantineResolution,
  type QuarantineView,
} from '@flotilla/contracts';
import type { ApiResult } from './api-failure.ts';
import { call, change, jsonBody, type ApiClientOptions, type CallInit } from './http-call.ts';

export interface RuleInput {
  readonly name: string;
  readonly group: string;
  readonly model?: string;
  readonly serialPrefix?: string;
  readonly priority: number;
}

/** The part of the API that brings new devices in. A call never rejects, except by its abort signal. */
export interface ProvisioningClient {
  manufacturers(signal?: AbortSignal): Promise<ApiResult<ListOf<ManufacturerView>>>;
  addManufacturer(name: string, publicKeyPem: string): Promise<ApiResult<null>>;
  revokeManufacturer(id: string): Promise<ApiResult<null>>;
  rules(signal?: AbortSignal): Promise<ApiResult<ListOf<ProvisioningRuleView>>>;
  addRule(rule: RuleInput): Promise<ApiResult<null>>;
  removeRule(id: string): Promise<ApiResult<null>>;
  /** What is open, newest first. */
  quarantine(signal?: AbortSignal): Promise<ApiResult<ListOf<QuarantineView>>>;
  resolve(id: string, resolution: QuarantineResolution, reason: string): Promise<ApiResult<null>>;
  uploadManifest(manifest: {
    readonly file: Blob;
    readonly manufacturer: string;
    readonly format: 'csv' | 'jsonl';
    readonly signature: string;
  }): Promise<ApiResult<ManifestView>>;
}

/** A manifest may name a million devices. */
const MANIFEST_TIMEOUT_MS = 600_000;

export function createProvisioningClient(options: ApiClientOptions): ProvisioningClient {
  const base = '/api/v1/provisioning';
  const tell = (method: CallInit['method'], path: string, body?: unknown) =>
    change(options, base + path, { method, ...(body !== undefined && jsonBody(body)) });
  const idOf = (id: string) => encodeURIComponent(id);
  return {
    manufacturers: (signal) =>
      call(
        options,
        `${base}/manufacturers`,
        { method: 'GET' },
        listOf(manufacturerViewSchema),
        signal,
      ),
    addManufacturer: (name, publicKeyPem) => tell('POST', '/manufacturers', { name, publicKeyPem }),
    revokeManufacturer: (id) => tell('DELETE', `/manufacturers/${idOf(id)}`),
    rules: (signal) =>
      call(options, `${base}/rules`, { method: 'GET' }, listOf(provisioningRuleViewSchema), signal),
    addRule: (rule) => tell('POST', '/rules', rule),
    removeRule: (id) => tell('DELETE', `/rules/${idOf(id)}`),
    quarantine: (signal) =>
      call(
        options,
        `${base}/quarantine?open=true`,
        { method: 'GET' },
        listOf(quarantineViewSchema),
        signal,
      ),
    resolve: (id, resolution, reason) =>
      tell('POST', `/quarantine/${idOf(id)}/resolution`, { resolution, reason }),
    uploadManifest: ({ file, manufacturer, format, signature }) =>
      call(
        { ...options, timeoutMs: MANIFEST_TIMEOUT_MS },
        `${base}/manifests?${new URLSearchParams({ manufacturer, format, signature })}`,
        { method: 'POST', headers: { 'content-type': 'application/octet-stream' }, body: file },
        manifestViewSchema,
      ),
  };
}
