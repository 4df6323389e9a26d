import { Suspense, useMemo, useSyncExternalStore } from 'react';
import { createApiClient } from '../api/client.ts';
import { createResourceCache } from '../api/resource-cache.ts';
import { HostContext, type HostValue } from '../host/host-context.tsx';
import type { Host } from '../host/host.ts';
import { parsePath } from '../routing/routes.ts';
import { Page } from './pages.tsx';
import { SignIn } from './sign-in.tsx';
import { TopBar } from './top-bar.tsx';

/** The whole console inside its host. */
export function App({ host }: { readonly host: Host }) {
  const { access, navigation } = host;
  const signedOut = useSyncExternalStore(access.subscribe, access.signedOut);
  const path = useSyncExternalStore(navigation.subscribe, navigation.path);
  // A new sign-in starts with an empty cache: another token may see another fleet.
  const value = useMemo<HostValue>(
    () => ({ host, api: createApiClient(host), cache: createResourceCache() }),
    [host, signedOut],
  );
  if (signedOut !== null) {
    return <SignIn refused={signedOut === 'refused'} onToken={access.signIn} />;
  }
  const route = parsePath(path);
  return (
    // React 18, which Grafana 12 brings, has no other form of a provider.
    <HostContext.Provider value={value}>
      <TopBar route={route} />
      <Suspense fallback={<div className="page" aria-busy="true" />}>
        <Page key={path} route={route} />
      </Suspense>
    </HostContext.Provider>
  );
}
