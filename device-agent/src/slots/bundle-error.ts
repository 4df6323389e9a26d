/** The artifact is authentic but is not a bundle this backend may unpack. */
export class BundleError extends Error {
  override readonly name = 'BundleError';
}
