import { PageLayoutType, type AppRootProps } from '@grafana/data';
import { PluginPage, config } from '@grafana/runtime';
import { useTheme2 } from '@grafana/ui';
import { App } from '../shell/app.tsx';
import { createGrafanaHost } from './grafana-host.ts';
import { PLUGIN_ID, type PluginSettings } from './plugin-id.ts';

const host = createGrafanaHost();

/** The console as the app's root page; without settings it says where to make them. */
export function PluginApp({ meta }: AppRootProps<PluginSettings>) {
  const { isDark } = useTheme2();
  return (
    <PluginPage layout={PageLayoutType.Canvas}>
      <div className="flotilla is-embedded" data-theme={isDark ? 'dark' : 'light'}>
        {meta.secureJsonFields?.['apiToken'] === true ? <App host={host} /> : <NotConfigured />}
      </div>
    </PluginPage>
  );
}

function NotConfigured() {
  const settingsPage = `${config.appSubUrl}/plugins/${PLUGIN_ID}?page=configuration`;
  return (
    <div className="page">
      <div className="notice is-neutral">
        <p className="notice-title">Flotilla is not connected yet</p>
        <p className="notice-detail">
          An administrator gives the address and the token of ota-service on the{' '}
          <a href={settingsPage}>configuration page</a>.
        </p>
      </div>
    </div>
  );
}
