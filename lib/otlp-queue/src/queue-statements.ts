import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { loadSql } from './queue-database.ts';

export interface QueueStatements {
  readonly insertItem: StatementSync;
  readonly oldestItem: StatementSync;
  readonly oldestHeader: StatementSync;
  readonly deleteItem: StatementSync;
  readonly countDrop: StatementSync;
  readonly totals: StatementSync;
  readonly drops: StatementSync;
}

export function prepareStatements(database: DatabaseSync): QueueStatements {
  return {
    insertItem: database.prepare(loadSql('insert-item')),
    oldestItem: database.prepare(loadSql('oldest-item')),
    oldestHeader: database.prepare(loadSql('oldest-header')),
    deleteItem: database.prepare(loadSql('delete-item')),
    countDrop: database.prepare(loadSql('count-drop')),
    totals: database.prepare(loadSql('totals')),
    drops: database.prepare(loadSql('drops')),
  };
}
