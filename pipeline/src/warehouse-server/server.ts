import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger, RunningService } from '@flotilla/service';
import { EmbeddedEngine } from '../warehouse/embedded-engine.ts';
import { WarehouseHttpEndpoint } from '../warehouse/http-endpoint.ts';
import { ReadSessions } from '../warehouse/read-sessions.ts';
import { authenticate, type Account } from './accounts.ts';
import type { Config } from './config.ts';
import { StatementSlots } from './statement-slots.ts';
import { WriterHandler } from './writer-handler.ts';

const READ_SESSIONS = 3;

/**
 * The embedded engine as a process of its own, spoken to as a ClickHouse server over HTTP: for several
 * pipeline processes over one warehouse where no ClickHouse server is at hand.
 */
export async function startWarehouseServer(
  config: Config,
  logger: Logger,
): Promise<RunningService> {
  const folder = config.FLOTILLA_WAREHOUSE_FOLDER;
  const engine = EmbeddedEngine.open(folder, process.pid);
  const bodies = join(folder, 'bodies');
  // What a killed process had received and not yet inserted; its senders were never answered.
  rmSync(bodies, { recursive: true, force: true });
  mkdirSync(bodies);
  const sessions = await ReadSessions.open(engine, READ_SESSIONS);
  const slots = new StatementSlots(engine, config.FLOTILLA_WAREHOUSE_PARALLEL_STATEMENTS);
  const writer = new WriterHandler(slots, bodies);
  const accounts = accountsOf(config);
  const endpoint = await WarehouseHttpEndpoint.listen(
    sessions,
    config.FLOTILLA_WAREHOUSE_SERVER_PORT,
    logger,
    {
      host: config.FLOTILLA_WAREHOUSE_SERVER_HOST,
      isWriter: (request) => authenticate(accounts, request).role === 'writer',
      answer: (request) => writer.answer(request),
    },
  );
  return {
    addresses: { warehouse: endpoint.url },
    async stop() {
      await endpoint.close();
      await slots.close();
      await sessions.close();
      await engine.close();
    },
  };
}

function accountsOf(config: Config): Account[] {
  const writer: Account = {
    user: config.FLOTILLA_WAREHOUSE_WRITER_USER,
    password: config.FLOTILLA_WAREHOUSE_WRITER_PASSWORD,
    role: 'writer',
  };
  const password = config.FLOTILLA_WAREHOUSE_READER_PASSWORD;
  if (password === undefined) return [writer];
  return [writer, { user: config.FLOTILLA_WAREHOUSE_READER_USER, password, role: 'reader' }];
}
