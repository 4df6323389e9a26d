import { createContext, useContext } from 'react';
import type { ApiClient } from '../api/client.ts';
import type { ResourceCache } from '../api/resource-cache.ts';
import type { Host } from './host.ts';

export interface HostValue {
  readonly host: Host;
  readonly api: ApiClient;
  readonly cache: ResourceCache;
}

export const HostContext = createContext<HostValue | null>(null);

export function useHost(): HostValue {
  const value = useContext(HostContext);
  if (value === null) throw new Error('a page was rendered outside of its host');
  return value;
}
