import { useState, type SubmitEvent } from 'react';
import type { ManufacturerView } from '@flotilla/contracts';
import type { ProvisioningClient } from '../api/provisioning-client.ts';
import { When } from '../ui/when.tsx';
import { ChangeFailure } from './change-failure.tsx';
import { useChange } from './use-change.ts';

interface ManufacturersPanelProps {
  readonly manufacturers: readonly ManufacturerView[];
  readonly client: ProvisioningClient;
  readonly onChanged: () => Promise<void>;
}

/** Whose manifests are believed: each has a key that signs them. */
export function ManufacturersPanel(props: ManufacturersPanelProps) {
  const { manufacturers, client, onChanged } = props;
  const change = useChange(onChanged);
  return (
    <section className="panel" aria-labelledby="manufacturers-title">
      <div className="panel-head">
        <h2 id="manufacturers-title">Manufacturers</h2>
      </div>
      {manufacturers.length === 0 ? (
        <p className="panel-text faint">None yet: no manifest is believed.</p>
      ) : (
        <ul className="rows">
          {manufacturers.map((manufacturer) => (
            <li key={manufacturer.id}>
              <span>
                <strong>{manufacturer.name}</strong>{' '}
                <span className="faint">
                  {manufacturer.revokedAt === null ? 'since ' : 'revoked '}
                  <When at={manufacturer.revokedAt ?? manufacturer.createdAt} />
                </span>
              </span>
              {manufacturer.revokedAt === null && (
                <button
                  type="button"
                  className="danger"
                  disabled={change.busy}
                  onClick={() => void change.run(() => client.revokeManufacturer(manufacturer.id))}
                >
                  Revoke
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
      <AddManufacturer
        busy={change.busy}
        onAdd={(name, pem) => change.run(() => client.addManufacturer(name, pem))}
      />
      <ChangeFailure failure={change.failure} />
    </section>
  );
}

interface AddManufacturerProps {
  readonly busy: boolean;
  readonly onAdd: (name: string, publicKeyPem: string) => Promise<boolean>;
}

function AddManufacturer({ busy, onAdd }: AddManufacturerProps) {
  const [name, setName] = useState('');
  const [pem, setPem] = useState('');
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void onAdd(name.trim(), pem).then((taken) => {
      if (!taken) return;
      setName('');
      setPem('');
    });
  };
  return (
    <form className="stacked-form" onSubmit={submit} noValidate>
      <label>
        Name
        <input value={name} onChange={(event) => setName(event.target.value)} />
      </label>
      <label>
        Public key, Ed25519 in PEM
        <textarea
          rows={3}
          className="mono"
          spellCheck={false}
          value={pem}
          onChange={(event) => setPem(event.target.value)}
        />
      </label>
      <button type="submit" disabled={busy || name.trim() === '' || pem.trim() === ''}>
        Add manufacturer
      </button>
    </form>
  );
}
