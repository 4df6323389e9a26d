import type {
  DeviceDetail,
  DeviceLifecycle,
  DeviceLogs,
  DeviceResources,
  LifecycleState,
} from '@flotilla/contracts';

const HOUR_MS = 3_600_000;
const NEXT: Readonly<Record<LifecycleState, LifecycleState[]>> = {
  provisioned: ['active', 'retired'],
  active: ['maintenance', 'retired'],
  maintenance: ['active', 'retired'],
  retired: [],
};

export function lifecycleOf(device: DeviceDetail, reasons: readonly string[]): DeviceLifecycle {
  const first = {
    seq: 1,
    from: null,
    to: 'provisioned' as const,
    reason: 'registered',
    actor: 'operator' as const,
    at: device.createdAt,
  };
  const changes = reasons.map((reason, i) => ({
    seq: i + 2,
    from: 'provisioned' as const,
    to: device.lifecycle,
    reason,
    actor: 'operator' as const,
    at: new Date().toISOString(),
  }));
  return {
    deviceId: device.id,
    lifecycle: device.lifecycle,
    next: NEXT[device.lifecycle],
    items: [...changes.reverse(), first],
    decommission: null,
  };
}

/** Hours of waves, with a gap in the middle. */
export function resourcesOf(deviceId: string, nowMs: number, hours: number): DeviceResources {
  const stepMs = (hours * HOUR_MS) / 120;
  const fromMs = nowMs - hours * HOUR_MS;
  const at = (i: number) => new Date(fromMs + i * stepMs).toISOString();
  const series = (signal: 'cpu' | 'memory' | 'disk', base: number, swing: number) => ({
    signal,
    points: Array.from({ length: 120 }, (_, i) => i)
      .filter((i) => i < 55 || i > 70)
      .map((i) => ({ at: at(i), value: base + swing * Math.sin(i / 7) })),
  });
  return {
    deviceId,
    from: at(0),
    to: new Date(nowMs).toISOString(),
    stepMs,
    series: [series('cpu', 0.3, 0.18), series('memory', 0.52, 0.04), series('disk', 0.71, 0.01)],
  };
}

export function logsOf(nowMs: number, minSeverity: number): DeviceLogs {
  const lines = [
    { severity: 17, severityText: 'ERROR', body: 'sensor bus: no answer from 0x48, giving up' },
    { severity: 13, severityText: 'WARN', body: 'sensor bus: no answer from 0x48, trying again' },
    { severity: 9, severityText: 'INFO', body: 'update 1.0.0 -> 1.1.0: confirmed' },
    { severity: 9, severityText: 'INFO', body: 'calibration table loaded, 64 entries' },
    { severity: 5, severityText: 'DEBUG', body: 'radio: channel 6, rssi -61 dBm' },
  ];
  return {
    items: lines
      .filter(({ severity }) => severity >= minSeverity)
      .map((line, i) => ({
        ...line,
        event: '',
        at: new Date(nowMs - i * 47_000).toISOString(),
      })),
  };
}
