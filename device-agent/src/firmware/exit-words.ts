import type { FirmwareExit } from './firmware-process.ts';

/** For a person: "exited with code 1". */
export function exitWords(exit: FirmwareExit): string {
  if (exit.startError !== null) return `could not be started (${exit.startError})`;
  if (exit.signal !== null) return `was ended by ${exit.signal}`;
  return `exited with code ${exit.exitCode ?? 'unknown'}`;
}
