import { DELTA_CODEC, type Deployment, type Transfer } from '@flotilla/contracts';
import { UpdateRefusal } from '../update-refusal.ts';

export interface ExpectedArtifact {
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** How the artifact is had: what crosses the network, and how it becomes the artifact. */
export type ArtifactSource =
  | { readonly kind: 'full'; readonly transfer: Transfer; readonly encoding: 'identity' | 'zstd' }
  | { readonly kind: 'delta'; readonly transfer: Transfer };

/**
 * The delta when it starts from exactly what runs here in a codec this agent reads and has not failed
 * before, else everything.
 */
export function chooseSource(
  deployment: Deployment,
  runningSha256: string | null,
  hasDeltaFailed = false,
): ArtifactSource {
  const { delta, full } = deployment;
  const fits = delta?.codec === DELTA_CODEC && delta.baseSha256 === runningSha256;
  if (fits && !hasDeltaFailed) return { kind: 'delta', transfer: delta };
  return { kind: 'full', transfer: full, encoding: full.encoding };
}

/** Of what zstd and a seek table add to content that does not compress, in frames from 64 KiB on. */
const SLACK_FACTOR = 1 / 1024;
const SLACK_BYTES = 64 * 1024;

/**
 * Only the artifact's size is signed, the transfer's is the server's word: one that is longer than any
 * encoding makes it would be paid for without end. Throws UpdateRefusal.
 */
export function checkAnnounced(source: ArtifactSource, artifact: ExpectedArtifact): void {
  const { sizeBytes, sha256 } = source.transfer;
  const most = artifact.sizeBytes * (1 + SLACK_FACTOR) + SLACK_BYTES;
  if (source.kind === 'delta') {
    if (sizeBytes <= most) return;
    const detail = `the delta has ${sizeBytes} bytes, what it makes has ${artifact.sizeBytes}`;
    throw new UpdateRefusal('delta_invalid', detail);
  }
  const isAsSigned = sizeBytes === artifact.sizeBytes && sha256 === artifact.sha256;
  if (source.encoding === 'identity' ? isAsSigned : sizeBytes <= most) return;
  throw new UpdateRefusal(
    sizeBytes === artifact.sizeBytes ? 'artifact_checksum_mismatch' : 'artifact_size_mismatch',
    `a transfer of ${sizeBytes} bytes is announced, the signed artifact has ${artifact.sizeBytes}`,
  );
}
