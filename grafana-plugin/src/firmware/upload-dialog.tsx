import { useEffect, useRef, useState, type SubmitEvent } from 'react';
import {
  FIRMWARE_FORMATS,
  firmwareUploadQuerySchema,
  type FirmwareFormat,
} from '@flotilla/contracts';
import type { ApiFailure } from '../api/api-failure.ts';
import { uploadFirmware, type UploadProgress } from '../api/resumable-upload.ts';
import { bytes, percent } from '../format/quantity.ts';
import { useHost } from '../host/host-context.tsx';

interface UploadDialogProps {
  readonly models: readonly string[];
  readonly onClose: () => void;
  readonly onUploaded: () => Promise<void>;
}

const FORMAT_WORDS: Readonly<Record<FirmwareFormat, string>> = {
  tar: 'Bundle (tar), for directory slots',
  image: 'Image, the raw bytes of a partition',
};

interface Form {
  readonly file: File | null;
  readonly model: string;
  readonly version: string;
  readonly format: FirmwareFormat;
  readonly minimumVersion: string;
  readonly allowDowngrade: boolean;
}

/** Takes an artifact and what goes with it, and shows how far the upload is; it may be broken off. */
export function UploadDialog({ models, onClose, onUploaded }: UploadDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [form, setForm] = useState<Form>({
    file: null,
    model: models[0] ?? '',
    version: '',
    format: 'tar',
    minimumVersion: '',
    allowDowngrade: false,
  });
  const upload = useUpload(async () => {
    await onUploaded();
    dialog.current?.close();
  });
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  const busy = upload.progress !== null;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!busy) upload.start(form);
  };
  return (
    <dialog
      ref={dialog}
      className="dialog is-wide"
      aria-labelledby="upload-title"
      onClose={() => {
        upload.stop();
        onClose();
      }}
    >
      <form onSubmit={submit} noValidate>
        <h2 id="upload-title">Upload firmware</h2>
        <p id="dialog-text">
          It becomes a draft. Devices take it only once it is signed, which happens where the key
          is.
        </p>
        <Fields form={form} onChange={setForm} models={models} disabled={busy} />
        <p className="field-trouble" role="alert">
          {upload.trouble}
        </p>
        {upload.failure !== null && (
          <div className="notice is-bad" role="alert">
            <p className="notice-title">{upload.failure.title}</p>
            <p className="notice-detail">{upload.failure.detail}</p>
          </div>
        )}
        {upload.progress !== null && <Progress progress={upload.progress} />}
        <div className="dialog-actions">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" className="primary" disabled={busy}>
            {busy ? 'Uploading…' : 'Upload'}
          </button>
        </div>
      </form>
    </dialog>
  );
}

interface FieldsProps {
  readonly form: Form;
  readonly onChange: (form: Form) => void;
  readonly models: readonly string[];
  readonly disabled: boolean;
}

function Fields({ form, onChange, models, disabled }: FieldsProps) {
  return (
    <fieldset className="fields" disabled={disabled}>
      <label className="field is-full">
        Artifact
        <input
          type="file"
          onChange={(event) => onChange({ ...form, file: event.target.files?.[0] ?? null })}
        />
      </label>
      <label className="field">
        Model
        <input
          list="upload-models"
          value={form.model}
          onChange={(event) => onChange({ ...form, model: event.target.value })}
        />
      </label>
      <datalist id="upload-models">
        {models.map((model) => (
          <option key={model} value={model} />
        ))}
      </datalist>
      <label className="field">
        Version
        <input
          placeholder="1.2.3"
          value={form.version}
          onChange={(event) => onChange({ ...form, version: event.target.value })}
        />
      </label>
      <label className="field">
        Format
        <select
          value={form.format}
          onChange={(event) => {
            const format = FIRMWARE_FORMATS.find((known) => known === event.target.value);
            onChange({ ...form, format: format ?? 'tar' });
          }}
        >
          {FIRMWARE_FORMATS.map((format) => (
            <option key={format} value={format}>
              {FORMAT_WORDS[format]}
            </option>
          ))}
        </select>
      </label>
      <label className="field">
        Needs at least version
        <input
          placeholder="none"
          value={form.minimumVersion}
          onChange={(event) => onChange({ ...form, minimumVersion: event.target.value })}
        />
      </label>
      <label className="field is-check">
        <input
          type="checkbox"
          checked={form.allowDowngrade}
          onChange={(event) => onChange({ ...form, allowDowngrade: event.target.checked })}
        />
        May replace a newer version
      </label>
    </fieldset>
  );
}

function Progress({ progress }: { readonly progress: UploadProgress }) {
  const { sentBytes, totalBytes, isRetrying } = progress;
  const share = totalBytes === 0 ? 1 : sentBytes / totalBytes;
  return (
    <div className="upload-progress">
      <progress aria-label="Upload" value={share} max={1} />
      <p role="status">
        {isRetrying
          ? 'The connection broke; trying again.'
          : share === 1
            ? 'All of it is there and is being checked.'
            : `${bytes(sentBytes)} of ${bytes(totalBytes)}, ${percent(share)}`}
      </p>
    </div>
  );
}

function useUpload(onDone: () => Promise<void>) {
  const { host } = useHost();
  const [progress, setProgress] = useState<UploadProgress | null>(null);
  const [failure, setFailure] = useState<ApiFailure | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const running = useRef<AbortController | null>(null);
  const run = async (file: File, form: Form) => {
    const controller = new AbortController();
    running.current = controller;
    try {
      const { model, version, format, minimumVersion } = form;
      const result = await uploadFirmware(host, {
        file,
        metadata: {
          model,
          version,
          format,
          allowDowngrade: form.allowDowngrade ? 'true' : 'false',
          ...(minimumVersion !== '' && { minimumVersion }),
        },
        onProgress: setProgress,
        signal: controller.signal,
        pause: (attempt) => new Promise((resolve) => setTimeout(resolve, 500 * 2 ** attempt)),
      });
      if (result.ok) await onDone();
      else setFailure(result.failure);
    } catch (error) {
      // Broken off by whoever closed the dialog; the service forgets what is unfinished.
      if (!controller.signal.aborted) throw error;
    } finally {
      setProgress(null);
    }
  };
  const start = (form: Form) => {
    const { file, model, version, minimumVersion } = form;
    const checked = firmwareUploadQuerySchema.safeParse({
      model,
      version,
      ...(minimumVersion !== '' && { minimumVersion }),
    });
    const issue = checked.error?.issues[0];
    setFailure(null);
    if (file === null) setTrouble('Choose the artifact first.');
    else if (issue !== undefined) setTrouble(`${String(issue.path[0])} ${issue.message}.`);
    else {
      setTrouble(null);
      void run(file, form);
    }
  };
  return { progress, failure, trouble, start, stop: () => running.current?.abort() };
}
