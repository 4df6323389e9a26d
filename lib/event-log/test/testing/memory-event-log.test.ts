import { describeEventLogContract } from '../../src/testing/event-log-contract.ts';
import { MemoryEventLog } from '../../src/testing/memory-event-log.ts';

describeEventLogContract('MemoryEventLog', async () => ({
  durable: false,
  open: (options) => Promise.resolve(new MemoryEventLog(options)),
  dispose: () => Promise.resolve(),
}));
