/** What the warehouse measures, in words; a signal it learns later is shown by its own name. */
const SIGNAL_WORDS: Readonly<Record<string, string>> = {
  heartbeat_gap_ratio: 'Reports late or missing',
  unexpected_reboots_24h: 'Unexpected reboots, last 24 h',
  crashes_24h: 'Firmware crashes, last 24 h',
  firmware_up: 'Firmware not answering',
  firmware_down: 'Firmware not answering',
  update_failures_7d: 'Failed updates, last 7 days',
  error_log_z: 'More error logs than usual',
  error_logs: 'Error logs',
  disk_used_pct: 'Disk nearly full',
  mem_used_pct: 'Memory nearly full',
  cpu_p95_pct: 'CPU busy',
  temp_headroom_c: 'Close to its temperature limit',
  flash_life_used_pct: 'Flash wear',
  battery_soh_pct: 'Battery health',
  rssi_dbm: 'Weak radio signal',
  packet_loss_pct: 'Packet loss',
  disk_full_eta_days: 'Disk will be full soon',
};

export function signalWords(signal: string): string {
  const known = SIGNAL_WORDS[signal];
  if (known !== undefined) return known;
  const words = signal.replaceAll(/[._-]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export interface Contribution {
  readonly signal: string;
  readonly pointsLost: number;
}

/** Signals that cost at least a tenth of a point, costliest first. */
export function contributionsOf(contributions: Readonly<Record<string, number>>): Contribution[] {
  return Object.entries(contributions)
    .map(([signal, pointsLost]) => ({ signal, pointsLost }))
    .filter(({ pointsLost }) => pointsLost >= 0.05)
    .sort((a, b) => b.pointsLost - a.pointsLost || a.signal.localeCompare(b.signal));
}
