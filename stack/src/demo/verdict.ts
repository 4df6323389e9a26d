import type { Evidence } from '../story/evidence.ts';

export interface Check {
  readonly name: string;
  readonly value: string;
  readonly wanted: string;
  readonly met: boolean;
}

/** What the demo promises, held against what happened. */
export function judgeDemo(evidence: Evidence, deviceCount: number): Check[] {
  const check = (name: string, value: string | number, wanted: string, met: boolean): Check => ({
    name,
    value: String(value),
    wanted,
    met,
  });
  const { deltaBytes, fullBytes, secondsToPause, exposedDevices, exposedOnDisk } = evidence;
  return [
    check(
      'delta 1.0.0 -> 1.1.0, bytes',
      deltaBytes,
      `< ${fullBytes} / 5`,
      deltaBytes < fullBytes / 5,
    ),
    check(
      'devices confirmed 1.1.0 by delta',
      evidence.confirmedByDelta,
      `${deviceCount}`,
      evidence.confirmedByDelta === deviceCount,
    ),
    check(
      'failure record to pause, s',
      secondsToPause.toFixed(1),
      '0 to 10',
      secondsToPause >= 0 && secondsToPause <= 10,
    ),
    check('devices exposed to 1.2.0', exposedDevices, '1', exposedDevices === 1),
    check(
      'devices with 1.2.0 on disk',
      exposedOnDisk.join(', ') || 'none',
      'at most the canary',
      exposedOnDisk.every((id) => evidence.rolledBack.includes(id)),
    ),
    check(
      'rolled back by itself',
      evidence.rolledBack.join(', ') || 'none',
      '1 device',
      evidence.rolledBack.length === 1,
    ),
    check(
      'running versions',
      Object.entries(evidence.runningVersions)
        .map(([version, count]) => `${version}: ${count}`)
        .join(', '),
      `1.1.0: ${deviceCount}`,
      evidence.runningVersions['1.1.0'] === deviceCount,
    ),
    check(
      'acknowledged rows',
      evidence.acknowledgedRows,
      'more than 0',
      evidence.acknowledgedRows > 0,
    ),
    check(
      'rows in the warehouse',
      evidence.storedRows,
      'the same',
      evidence.storedRows === evidence.acknowledgedRows,
    ),
    check('rows lost', evidence.lostRows, '0', evidence.lostRows === 0),
    check('rows doubled', evidence.doubledRows, '0', evidence.doubledRows === 0),
  ];
}

/** Columns padded to their widest cell. */
export function formatChecks(checks: readonly Check[]): string {
  const rows = [
    ['', 'measured', 'wanted', ''],
    ...checks.map((c) => [c.name, c.value, c.wanted, c.met ? 'ok' : 'NOT MET']),
  ];
  const widths = [0, 1, 2].map((column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
