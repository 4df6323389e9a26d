import { DELTA_CODEC, type Deployment, type Transfer } from '@flotilla/contracts';

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
