/** OTel resource attributes that identify a device; names of the semantic conventions. */
export const ATTR_DEVICE_ID = 'device.id';
export const ATTR_DEVICE_MODEL = 'device.model.identifier';
export const ATTR_SERVICE_NAME = 'service.name';
/** On a device's telemetry: the version of the firmware in the running slot. */
export const ATTR_SERVICE_VERSION = 'service.version';
export const SERVICE_NAME_DEVICE = 'flotilla-device';
/** ota-service's own records; the collector lets no device use this name. */
export const SERVICE_NAME_OTA = 'ota-service';

/** Our own attributes, each declared here and nowhere else. */
export const ATTR_DEVICE_GROUP = 'flotilla.device.group';
export const ATTR_REPORT_ID = 'flotilla.report.id';
export const ATTR_CAMPAIGN_ID = 'flotilla.campaign.id';
/** Integer, 1 is the canary phase. */
export const ATTR_CAMPAIGN_PHASE = 'flotilla.campaign.phase';
/** Integer, 1 for the first offer; raised when an operator resumes a paused campaign. */
export const ATTR_CAMPAIGN_ROUND = 'flotilla.campaign.round';
export const ATTR_UPDATE_STATE = 'flotilla.update.state';
export const ATTR_UPDATE_OUTCOME = 'flotilla.update.outcome';
export const ATTR_UPDATE_REASON = 'flotilla.update.reason';
export const ATTR_UPDATE_FROM_VERSION = 'flotilla.update.from_version';
export const ATTR_UPDATE_TO_VERSION = 'flotilla.update.to_version';
/** Integer, bytes of artifact or delta that crossed the network for this update. */
export const ATTR_UPDATE_TRANSFER_BYTES = 'flotilla.update.transfer_bytes';
/** Boolean, true when a delta was applied. */
export const ATTR_UPDATE_USED_DELTA = 'flotilla.update.used_delta';

/** EventName of the log record that tells an update's state. */
export const EVENT_UPDATE = 'flotilla.update';
/** EventName of the log record written when the firmware process ended by itself. */
export const EVENT_FIRMWARE_CRASH = 'flotilla.firmware.crash';

/** Metrics of the device's host; OTel system, process and hardware conventions. */
export const METRIC_CPU_UTILIZATION = 'system.cpu.utilization';
export const METRIC_MEMORY_UTILIZATION = 'system.memory.utilization';
export const METRIC_MEMORY_USAGE = 'system.memory.usage';
export const METRIC_FILESYSTEM_UTILIZATION = 'system.filesystem.utilization';
export const METRIC_FILESYSTEM_USAGE = 'system.filesystem.usage';
export const METRIC_UPTIME = 'system.uptime';
export const METRIC_TEMPERATURE = 'hw.temperature';
/** Gauges of hardware that not every device has: shares from 0 to 1, and dBm. */
export const METRIC_BATTERY_HEALTH = 'flotilla.battery.health';
export const METRIC_FLASH_LIFE_USED = 'flotilla.flash.life_used';
export const METRIC_NETWORK_RSSI = 'flotilla.network.rssi';
export const METRIC_PACKET_LOSS = 'flotilla.network.packet_loss';
/** Counter: times the firmware process ended by itself; starts at 0 for each firmware version. */
export const METRIC_FIRMWARE_RESTARTS = 'flotilla.firmware.restarts';
/** Gauge 0/1: the firmware process runs and answers its health probe. */
export const METRIC_FIRMWARE_UP = 'flotilla.firmware.up';
/** Gauge: 1 while an update waits for what ATTR_UPDATE_WAIT_REASON says, 0 once it does no more. */
export const METRIC_UPDATE_WAITING = 'flotilla.update.waiting';
/** One of UPDATE_WAIT_REASONS. */
export const ATTR_UPDATE_WAIT_REASON = 'flotilla.update.wait.reason';
/**
 * A maintenance window, the charge, a hook that says "not now", room on the disk, a disk that takes no
 * writes, the next try of a download, signed metadata.
 */
export const UPDATE_WAIT_REASONS = [
  'window',
  'battery',
  'hook',
  'space',
  'disk',
  'backoff',
  'metadata',
] as const;
export type UpdateWaitReason = (typeof UPDATE_WAIT_REASONS)[number];
/** Gauge: items waiting in the agent's disk queue. */
export const METRIC_QUEUE_ITEMS = 'flotilla.agent.queue.items';
/** Counter: items the queue dropped; `error.type` is `bytes`, `age`, `refused` or `unwritable`. */
export const METRIC_QUEUE_DROPPED = 'flotilla.agent.queue.dropped';
/**
 * Counter: data points and log records in those items, that is what was lost; by `error.type` as there
 * and ATTR_SIGNAL.
 */
export const METRIC_QUEUE_LOST = 'flotilla.agent.queue.lost';
/** `metrics`, `logs` or `traces`. */
export const ATTR_SIGNAL = 'flotilla.signal';
/** Counter: times the agent was started again, by ATTR_RESTART_CAUSE. */
export const METRIC_AGENT_RESTARTS = 'flotilla.agent.restarts';
/** How the run before ended: `stopped` in order, or `killed`, which also stands for a crash or a power cut. */
export const ATTR_RESTART_CAUSE = 'flotilla.agent.restart.cause';
/** Gauge: bytes of the bodies that wait in the agent's disk queue. */
export const METRIC_QUEUE_SIZE = 'flotilla.agent.queue.size';

export const METRIC_LOAD_1M = 'system.cpu.load_average.1m';
export const METRIC_LOAD_5M = 'system.cpu.load_average.5m';
export const METRIC_LOAD_15M = 'system.cpu.load_average.15m';
export const METRIC_DISK_IO = 'system.disk.io';
export const METRIC_DISK_OPERATIONS = 'system.disk.operations';
export const METRIC_NETWORK_IO = 'system.network.io';
export const METRIC_NETWORK_ERRORS = 'system.network.errors';
export const METRIC_NETWORK_DROPPED = 'system.network.packet.dropped';
/** The agent's own process; OTel process conventions. Utilization is a share of all processors. */
export const METRIC_PROCESS_CPU_UTILIZATION = 'process.cpu.utilization';
export const METRIC_PROCESS_MEMORY_USAGE = 'process.memory.usage';
export const METRIC_PROCESS_UPTIME = 'process.uptime';

/** Gauge: how far the agent holds itself back to keep its footprint, 0 (not at all) to 3. */
export const METRIC_AGENT_DEGRADATION = 'flotilla.agent.degradation';
/** EventName of the log record that tells a change of it. */
export const EVENT_AGENT_DEGRADATION = 'flotilla.agent.degradation';
/** Counter: log records that came to the sampler, by ATTR_LOG_SEVERITY. */
export const METRIC_LOGS_SEEN = 'flotilla.agent.logs.seen';
/** Counter: log records that sampling left out, by ATTR_LOG_SEVERITY and ATTR_DROP_REASON. */
export const METRIC_LOGS_DROPPED = 'flotilla.agent.logs.dropped';
/** Counter: log files, and places in the journal, that went away before they were seen to be read to their end. */
export const METRIC_LOG_GAPS = 'flotilla.agent.logs.gaps';
/** `trace`, `debug`, `info`, `warn`, `error`, `fatal`. */
export const ATTR_LOG_SEVERITY = 'flotilla.log.severity';
/** `ratio`, `rate` or `bound`. */
export const ATTR_DROP_REASON = 'flotilla.drop.reason';
/** On a log record: how many records this one stands for; absent means 1. */
export const ATTR_LOG_ADJUSTED_COUNT = 'flotilla.log.adjusted_count';
/** On a log record: the line went on, but an agent keeps no more of it. */
export const ATTR_LOG_TRUNCATED = 'flotilla.log.truncated';
/** On a log record from the systemd journal: its `_SYSTEMD_UNIT` and `SYSLOG_IDENTIFIER`. */
export const ATTR_JOURNAL_UNIT = 'flotilla.journal.unit';
export const ATTR_JOURNAL_IDENTIFIER = 'flotilla.journal.identifier';
