/** Severity numbers of the OTel log data model; 0 says nothing. */
export const SEVERITY = {
  unspecified: 0,
  trace: 1,
  debug: 5,
  info: 9,
  notice: 10,
  warn: 13,
  error: 17,
  critical: 18,
  alert: 19,
  fatal: 21,
} as const;

export const SEVERITY_RANGES = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type SeverityRange = (typeof SEVERITY_RANGES)[number];

/** The range a number falls into; a record that names no severity counts as INFO. */
export function severityRange(severityNumber: number): SeverityRange {
  if (severityNumber <= 0) return 'info';
  const index = Math.min(SEVERITY_RANGES.length - 1, Math.floor((severityNumber - 1) / 4));
  return SEVERITY_RANGES[index] ?? 'fatal';
}

const WORDS: Readonly<Record<string, number>> = {
  trace: SEVERITY.trace,
  verbose: SEVERITY.trace,
  debug: SEVERITY.debug,
  dbg: SEVERITY.debug,
  info: SEVERITY.info,
  information: SEVERITY.info,
  notice: SEVERITY.notice,
  warn: SEVERITY.warn,
  warning: SEVERITY.warn,
  err: SEVERITY.error,
  error: SEVERITY.error,
  severe: SEVERITY.error,
  crit: SEVERITY.critical,
  critical: SEVERITY.critical,
  alert: SEVERITY.alert,
  fatal: SEVERITY.fatal,
  panic: SEVERITY.fatal,
  emerg: SEVERITY.fatal,
  emergency: SEVERITY.fatal,
};

/** 0 for a word that is no level. */
export function severityOfWord(word: string): number {
  const key = word.toLowerCase();
  return Object.hasOwn(WORDS, key) ? (WORDS[key] ?? 0) : 0;
}

/** Levels of RFC 5424 section 6.2.1, which the journal's PRIORITY uses too. */
export function severityOfSyslog(priority: number): number {
  const { fatal, alert, critical, error, warn, notice, info, debug } = SEVERITY;
  return [fatal, alert, critical, error, warn, notice, info, debug][priority] ?? 0;
}

/** Levels of bunyan and pino: 10 trace to 60 fatal. */
export function severityOfTens(level: number): number {
  const { trace, debug, info, warn, error, fatal } = SEVERITY;
  return [0, trace, debug, info, warn, error, fatal][level / 10] ?? 0;
}
