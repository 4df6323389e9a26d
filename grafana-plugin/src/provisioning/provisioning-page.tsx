import { useMemo } from 'react';
import type { ManufacturerView, ProvisioningRuleView, QuarantineView } from '@flotilla/contracts';
import { isNotFound, type ApiResult } from '../api/api-failure.ts';
import { createProvisioningClient, type ProvisioningClient } from '../api/provisioning-client.ts';
import { usePoll } from '../api/use-poll.ts';
import { useHost } from '../host/host-context.tsx';
import { PageFrame } from '../shell/page-frame.tsx';
import { PageMain, useDocumentTitle } from '../shell/page-main.tsx';
import { Notice } from '../ui/notice.tsx';
import { ManifestPanel } from './manifest-panel.tsx';
import { ManufacturersPanel } from './manufacturers-panel.tsx';
import { QuarantinePanel } from './quarantine-panel.tsx';
import { RulesPanel } from './rules-panel.tsx';

interface ProvisioningData {
  readonly manufacturers: readonly ManufacturerView[];
  readonly rules: readonly ProvisioningRuleView[];
  readonly quarantine: readonly QuarantineView[];
}

/** How new devices come in: who makes them, what they get, and who is kept out. */
export function ProvisioningPage() {
  const { host } = useHost();
  const client = useMemo(() => createProvisioningClient(host), [host]);
  useDocumentTitle('Provisioning');
  const poll = usePoll('provisioning', (_api, signal) => load(client, signal), {
    intervalMs: 5000,
  });
  if (poll.failure !== null && isNotFound(poll.failure)) {
    return (
      <PageMain className="page">
        <div className="page-head">
          <h1>Provisioning</h1>
        </div>
        <Notice
          tone="neutral"
          title="This service provisions no devices"
          detail="Devices are registered through the API here."
        />
      </PageMain>
    );
  }
  return (
    <PageFrame title="Provisioning" poll={poll}>
      {({ manufacturers, rules, quarantine }) => (
        <div className="columns is-flipped">
          <div className="column is-wide">
            <QuarantinePanel items={quarantine} client={client} onChanged={poll.refresh} />
            <RulesPanel rules={rules} client={client} onChanged={poll.refresh} />
          </div>
          <div className="column">
            <ManifestPanel manufacturers={manufacturers} client={client} />
            <ManufacturersPanel
              manufacturers={manufacturers}
              client={client}
              onChanged={poll.refresh}
            />
          </div>
        </div>
      )}
    </PageFrame>
  );
}

async function load(
  client: ProvisioningClient,
  signal: AbortSignal,
): Promise<ApiResult<ProvisioningData>> {
  const [manufacturers, rules, quarantine] = await Promise.all([
    client.manufacturers(signal),
    client.rules(signal),
    client.quarantine(signal),
  ]);
  if (!manufacturers.ok) return manufacturers;
  if (!rules.ok) return rules;
  if (!quarantine.ok) return quarantine;
  return {
    ok: true,
    value: {
      manufacturers: manufacturers.value.items,
      rules: rules.value.items,
      quarantine: quarantine.value.items,
    },
  };
}
