import { useState, type SubmitEvent } from 'react';
import type { PluginConfigPageProps } from '@grafana/data';
import { getBackendSrv } from '@grafana/runtime';
import { useTheme2 } from '@grafana/ui';
import { Notice } from '../ui/notice.tsx';
import { checkConnection, type ConnectionCheck } from './connection-check.ts';
import { createGrafanaFetch } from './grafana-fetch.ts';
import { PLUGIN_ID, PROXY_BASE, type PluginSettings } from './plugin-id.ts';

const request = createGrafanaFetch(getBackendSrv());

/** Address and token of ota-service. Saving enables the app and then tries the connection. */
export function ConfigPage({ plugin }: PluginConfigPageProps<PluginSettings>) {
  const { meta } = plugin;
  const { isDark } = useTheme2();
  const [apiUrl, setApiUrl] = useState(meta.jsonData?.apiUrl ?? '');
  const [token, setToken] = useState('');
  const [tokenIsSet, setTokenIsSet] = useState(meta.secureJsonFields?.['apiToken'] === true);
  const [busy, setBusy] = useState(false);
  const [check, setCheck] = useState<ConnectionCheck | null>(null);
  const urlTrouble = apiUrl !== '' && !isHttpUrl(apiUrl);
  const canSave = isHttpUrl(apiUrl) && (tokenIsSet || token.trim() !== '');

  const test = async () => {
    setBusy(true);
    setCheck(await checkConnection(request, PROXY_BASE));
    setBusy(false);
  };
  const save = async () => {
    setBusy(true);
    const failure = await saveSettings(apiUrl, token.trim());
    setBusy(false);
    if (failure !== null) {
      setCheck(failure);
      return;
    }
    if (token.trim() !== '') setTokenIsSet(true);
    setToken('');
    await test();
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (canSave && !busy) void save();
  };
  return (
    <div className="flotilla is-embedded" data-theme={isDark ? 'dark' : 'light'}>
      <form className="settings" onSubmit={submit} noValidate>
        <h2>Connection to ota-service</h2>
        <p className="faint">
          Grafana’s server reaches ota-service at this address and adds the token; no browser ever
          sees it.
        </p>
        <label htmlFor="api-url">Address</label>
        <input
          id="api-url"
          type="url"
          placeholder="http://ota-service:8080"
          value={apiUrl}
          onChange={(event) => setApiUrl(event.target.value.replace(/\/+$/, ''))}
          aria-invalid={urlTrouble}
          aria-describedby="api-url-trouble"
        />
        <p className="field-trouble" id="api-url-trouble" role="alert">
          {urlTrouble && 'Give an address that begins with http:// or https://.'}
        </p>
        <label htmlFor="api-token">Operator token</label>
        <input
          id="api-token"
          type="password"
          autoComplete="off"
          placeholder={tokenIsSet ? 'set; type to replace it' : ''}
          value={token}
          onChange={(event) => setToken(event.target.value)}
        />
        <div className="dialog-actions is-start">
          <button type="submit" className="primary" disabled={!canSave || busy}>
            {busy ? 'Working…' : 'Save and test'}
          </button>
          <button type="button" disabled={!tokenIsSet || busy} onClick={() => void test()}>
            Test
          </button>
        </div>
        <div role="status">
          {check !== null && (
            <Notice tone={check.ok ? 'good' : 'bad'} title={check.title} detail={check.detail} />
          )}
        </div>
      </form>
    </div>
  );
}

async function saveSettings(apiUrl: string, token: string): Promise<ConnectionCheck | null> {
  try {
    const response = await request(`/api/plugins/${PLUGIN_ID}/settings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        enabled: true,
        pinned: true,
        jsonData: { apiUrl },
        ...(token !== '' && { secureJsonData: { apiToken: token } }),
      }),
    });
    if (response.ok) return null;
    return {
      ok: false,
      title: 'The settings were not saved',
      detail: `Grafana answered ${response.status}.`,
    };
  } catch (error) {
    return { ok: false, title: 'The settings were not saved', detail: String(error) };
  }
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:\/\//.test(text);
}
