import { useState, type SubmitEvent } from 'react';
import type { ManifestView, ManufacturerView } from '@flotilla/contracts';
import type { ProvisioningClient } from '../api/provisioning-client.ts';
import { count } from '../format/quantity.ts';
import { ChangeFailure } from './change-failure.tsx';
import { useChange } from './use-change.ts';

interface ManifestPanelProps {
  readonly manufacturers: readonly ManufacturerView[];
  readonly client: ProvisioningClient;
}

const nothing = () => Promise.resolve();

/** Takes the list of devices a factory made, with the factory's signature under it. */
export function ManifestPanel({ manufacturers, client }: ManifestPanelProps) {
  const change = useChange(nothing);
  const [file, setFile] = useState<File | null>(null);
  const [manufacturer, setManufacturer] = useState('');
  const [signature, setSignature] = useState('');
  const [taken, setTaken] = useState<ManifestView | null>(null);
  const trusted = manufacturers.filter(({ revokedAt }) => revokedAt === null);
  const chosen = manufacturer === '' ? (trusted[0]?.name ?? '') : manufacturer;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (file === null || change.busy) return;
    setTaken(null);
    const format = /\.csv$/i.test(file.name) ? 'csv' : 'jsonl';
    void change.run(async () => {
      const answer = await client.uploadManifest({
        file,
        manufacturer: chosen,
        format,
        signature: signature.trim(),
      });
      if (answer.ok) setTaken(answer.value);
      return answer;
    });
  };
  return (
    <section className="panel" aria-labelledby="manifest-title">
      <div className="panel-head">
        <h2 id="manifest-title">Manufacturing manifest</h2>
      </div>
      <form className="stacked-form" onSubmit={submit} noValidate>
        <label>
          Manifest, CSV or lines of JSON
          <input type="file" onChange={(event) => setFile(event.target.files?.[0] ?? null)} />
        </label>
        <label>
          Manufacturer
          <select value={chosen} onChange={(event) => setManufacturer(event.target.value)}>
            {trusted.map(({ id, name }) => (
              <option key={id}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          Signature, base64
          <input
            className="mono"
            spellCheck={false}
            value={signature}
            onChange={(event) => setSignature(event.target.value)}
          />
        </label>
        <button
          type="submit"
          disabled={change.busy || file === null || chosen === '' || signature.trim() === ''}
        >
          {change.busy ? 'Checking…' : 'Add devices'}
        </button>
      </form>
      <p role="status" className="panel-text">
        {taken !== null &&
          `${count(taken.devices, 'device')} of ${taken.manufacturer} may now claim their identity${taken.known > 0 ? `; ${taken.known} were known already` : ''}.`}
      </p>
      <ChangeFailure failure={change.failure} />
    </section>
  );
}
