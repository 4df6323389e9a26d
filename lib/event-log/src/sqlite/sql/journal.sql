PRAGMA journal_mode = WAL;
-- In WAL mode FULL syncs the log at every commit; NORMAL would lose acknowledged records at a power cut.
PRAGMA synchronous = FULL;
-- After a burst the WAL file gives its space back at the next checkpoint.
PRAGMA journal_size_limit = 67108864;
