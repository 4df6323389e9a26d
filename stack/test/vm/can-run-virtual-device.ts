import { missingPackages } from '../../vm/vm-tools.ts';

/** Says why when it cannot; in CI it must. */
export function canRunVirtualDevice(): boolean {
  const missing = missingPackages();
  if (missing.length === 0) return true;
  const text = `the virtual device needs these Debian packages: ${missing.join(' ')}`;
  if (process.env.CI !== undefined) throw new Error(text);
  console.log(`skipped: ${text}`);
  return false;
}
