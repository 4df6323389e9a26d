import { useEffect, useMemo, useSyncExternalStore } from 'react';
import { createApiClient } from '../api/client.ts';
import { createResourceCache } from '../api/resource-cache.ts';
import { CampaignPage } from '../campaign/campaign-page.tsx';
import { CampaignsPage } from '../campaign/campaigns-page.tsx';
import { DevicePage } from '../device/device-page.tsx';
import { FirmwarePage } from '../firmware/firmware-page.tsx';
import { FleetPage } from '../fleet/fleet-page.tsx';
import { HostContext, type HostValue } from '../host/host-context.tsx';
import type { Host } from '../host/host.ts';
import { parsePath, type Route } from '../routing/routes.ts';
import { NotFoundPage } from './not-found-page.tsx';
import { SignIn } from './sign-in.tsx';
import { TopBar } from './top-bar.tsx';

/** The whole console inside its host. */
export function App({ host }: { readonly host: Host }) {
  const { access, navigation } = host;
  const signedOut = useSyncExternalStore(access.subscribe, access.signedOut);
  const path = useSyncExternalStore(navigation.subscribe, navigation.path);
  // A new sign-in starts with an empty cache: another token may see another fleet.
  const value = useMemo<HostValue>(() => {
    const fetchHere: typeof fetch = (input, init) => fetch(input, init);
    const api = createApiClient({ apiBase: host.apiBase, access, fetch: fetchHere });
    return { host, api, cache: createResourceCache() };
  }, [host, access, signedOut]);
  useEffect(() => {
    if (host.theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = host.theme;
  }, [host.theme]);

  if (signedOut !== null) {
    return <SignIn refused={signedOut === 'refused'} onToken={access.signIn} />;
  }
  const route = parsePath(path);
  return (
    <HostContext value={value}>
      <TopBar route={route} />
      <Page key={path} route={route} />
    </HostContext>
  );
}

function Page({ route }: { readonly route: Route }) {
  switch (route.page) {
    case 'fleet':
      return <FleetPage />;
    case 'device':
      return <DevicePage id={route.id} />;
    case 'campaigns':
      return <CampaignsPage />;
    case 'campaign':
      return <CampaignPage id={route.id} />;
    case 'firmware':
      return <FirmwarePage />;
    case 'unknown':
      return <NotFoundPage path={route.path} />;
  }
}
