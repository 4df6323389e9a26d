import type { Tone } from '../ui/state-word.tsx';

/** Ranges of SeverityNumber (OpenTelemetry log data model, "Severity Fields"). */
export function severityOf(severity: number): { readonly tone: Tone; readonly word: string } {
  if (severity >= 21) return { tone: 'bad', word: 'FATAL' };
  if (severity >= 17) return { tone: 'bad', word: 'ERROR' };
  if (severity >= 13) return { tone: 'warn', word: 'WARN' };
  if (severity >= 9) return { tone: 'info', word: 'INFO' };
  if (severity >= 5) return { tone: 'neutral', word: 'DEBUG' };
  if (severity >= 1) return { tone: 'neutral', word: 'TRACE' };
  return { tone: 'neutral', word: 'LOG' };
}
