const MINIMUM_MAJOR = 24;

/** What to do when this runtime is too old, or null. The pinned one comes with `npm install` on Linux. */
export function nodeVersionProblem(version: string): string | null {
  const major = Number(/^v(\d+)\./.exec(version)?.[1]);
  if (major >= MINIMUM_MAJOR) return null;
  return (
    `Flotilla needs Node ${MINIMUM_MAJOR}, this is ${version}. On Linux (x64, arm64) \`npm install\` ` +
    'brings it and `npm start` uses it; elsewhere install it from nodejs.org.'
  );
}
