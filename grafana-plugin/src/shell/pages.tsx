import { lazy } from 'react';
import { FleetPage } from '../fleet/fleet-page.tsx';
import type { Route } from '../routing/routes.ts';
import { NotFoundPage } from './not-found-page.tsx';

// The first page is there at once; every other one is loaded when it is opened.
const DevicesPage = lazy(async () => ({
  default: (await import('../device/devices-page.tsx')).DevicesPage,
}));
const DevicePage = lazy(async () => ({
  default: (await import('../device/device-page.tsx')).DevicePage,
}));
const CampaignsPage = lazy(async () => ({
  default: (await import('../campaign/campaigns-page.tsx')).CampaignsPage,
}));
const CampaignPage = lazy(async () => ({
  default: (await import('../campaign/campaign-page.tsx')).CampaignPage,
}));
const NewCampaignPage = lazy(async () => ({
  default: (await import('../new-campaign/new-campaign-page.tsx')).NewCampaignPage,
}));
const ProvisioningPage = lazy(async () => ({
  default: (await import('../provisioning/provisioning-page.tsx')).ProvisioningPage,
}));
const FirmwarePage = lazy(async () => ({
  default: (await import('../firmware/firmware-page.tsx')).FirmwarePage,
}));

export function Page({ route }: { readonly route: Route }) {
  switch (route.page) {
    case 'fleet':
      return <FleetPage />;
    case 'devices':
      return <DevicesPage filter={route.filter ?? {}} />;
    case 'device':
      return <DevicePage id={route.id} />;
    case 'campaigns':
      return <CampaignsPage />;
    case 'new-campaign':
      return <NewCampaignPage />;
    case 'campaign':
      return <CampaignPage id={route.id} />;
    case 'firmware':
      return <FirmwarePage />;
    case 'provisioning':
      return <ProvisioningPage />;
    case 'unknown':
      return <NotFoundPage path={route.path} />;
  }
}
