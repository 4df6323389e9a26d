PRAGMA journal_mode = WAL;
-- In WAL mode FULL syncs the log at every commit; NORMAL would lose acknowledged records at a power cut.
PRAGMA synchronous = FULL;
