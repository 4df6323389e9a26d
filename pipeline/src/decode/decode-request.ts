import { TOPIC_LOGS, TOPIC_METRICS } from '@flotilla/contracts';
import { DecodeError } from '@flotilla/otlp';
import { decodeLogs } from './decode-logs.ts';
import { decodeMetrics } from './decode-metrics.ts';
import { RowBudget } from './row-budget.ts';
import { emptyRows, type DecodedRows } from './rows.ts';
import { WireReader } from '@flotilla/otlp';

/** Rows of one OTLP protobuf request as its topic defines it. Throws DecodeError, nothing else. */
export function decodeRequest(topic: string, value: Uint8Array): DecodedRows {
  const rows = emptyRows();
  const budget = new RowBudget();
  if (topic === TOPIC_METRICS) decodeMetrics(new WireReader(value), rows, budget);
  else if (topic === TOPIC_LOGS) decodeLogs(new WireReader(value), rows, budget);
  else throw new DecodeError('topic_unknown', `topic ${topic} carries no telemetry`);
  return rows;
}
