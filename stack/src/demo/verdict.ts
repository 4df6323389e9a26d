import type { Evidence } from '../story/evidence.ts';

export interface Check {
  readonly name: string;
  readonly value: string;
  readonly wanted: string;
  readonly met: boolean;
}

/** What the demo promises, held against what happened. */
export function judgeDemo(evidence: Evidence, deviceCount: number): Check[] {
  return [
    ...updateChecks(evidence, deviceCount),
    ...pauseChecks(evidence, deviceCount),
    ...ledgerChecks(evidence),
  ];
}

function check(name: string, value: string | number, wanted: string, met: boolean): Check {
  return { name, value: String(value), wanted, met };
}

function updateChecks(e: Evidence, deviceCount: number): Check[] {
  const small = e.deltaBytes < e.fullBytes / 5;
  return [
    check('delta 1.0.0 -> 1.1.0, bytes', e.deltaBytes, `< ${e.fullBytes} / 5`, small),
    check(
      'devices confirmed 1.1.0 by delta',
      e.confirmedByDelta,
      String(deviceCount),
      e.confirmedByDelta === deviceCount,
    ),
  ];
}

function pauseChecks(e: Evidence, deviceCount: number): Check[] {
  const inTime = e.secondsToPause >= 0 && e.secondsToPause <= 10;
  const onlyCanary = e.exposedOnDisk.every((id) => e.rolledBack.includes(id));
  const versions = Object.entries(e.runningVersions).map(([v, count]) => `${v}: ${count}`);
  return [
    check('failure record to pause, s', e.secondsToPause.toFixed(1), '0 to 10', inTime),
    check('devices exposed to 1.2.0', e.exposedDevices, '1', e.exposedDevices === 1),
    check('rolled back by itself', list(e.rolledBack), '1 device', e.rolledBack.length === 1),
    check('1.2.0 left on disk', list(e.exposedOnDisk), 'at most the canary', onlyCanary),
    check(
      'running versions',
      versions.join(', '),
      `1.1.0: ${deviceCount}`,
      e.runningVersions['1.1.0'] === deviceCount,
    ),
  ];
}

function ledgerChecks(e: Evidence): Check[] {
  const { acknowledgedRows, storedRows, lostRows, doubledRows } = e;
  return [
    check('rows acknowledged to agents', acknowledgedRows, '> 0', acknowledgedRows > 0),
    check('their rows in the warehouse', storedRows, 'as many', storedRows === acknowledgedRows),
    check('rows lost', lostRows, '0', lostRows === 0),
    check('rows doubled', doubledRows, '0', doubledRows === 0),
  ];
}

const list = (ids: readonly string[]) => ids.join(', ') || 'none';

/** Columns padded to their widest cell. */
export function formatChecks(checks: readonly Check[]): string {
  const rows = [
    ['', 'measured', 'wanted', ''],
    ...checks.map((c) => [c.name, c.value, c.wanted, c.met ? 'ok' : 'NOT MET']),
  ];
  const widths = [0, 1, 2].map((column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return rows.map(line).join('\n');
}
