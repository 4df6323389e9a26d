import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { loadSql } from './queue-database.ts';

export interface QueueStatements {
  readonly insertItem: StatementSync;
  readonly oldestItems: StatementSync;
  readonly oldestHeader: StatementSync;
  readonly deleteItem: StatementSync;
  readonly countDrop: StatementSync;
  readonly totals: StatementSync;
  readonly drops: StatementSync;
  readonly readMark: StatementSync;
  readonly writeMark: StatementSync;
  readonly deleteMark: StatementSync;
}

export function prepareStatements(database: DatabaseSync): QueueStatements {
  return {
    insertItem: database.prepare(loadSql('insert-item')),
    oldestItems: database.prepare(loadSql('oldest-items')),
    oldestHeader: database.prepare(loadSql('oldest-header')),
    deleteItem: database.prepare(loadSql('delete-item')),
    countDrop: database.prepare(loadSql('count-drop')),
    totals: database.prepare(loadSql('totals')),
    drops: database.prepare(loadSql('drops')),
    readMark: database.prepare(loadSql('read-mark')),
    writeMark: database.prepare(loadSql('write-mark')),
    deleteMark: database.prepare(loadSql('delete-mark')),
  };
}
