CREATE TABLE IF NOT EXISTS topics (
  topic TEXT PRIMARY KEY,
  partitions INTEGER NOT NULL CHECK (partitions >= 1)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS partitions (
  id INTEGER PRIMARY KEY,
  topic TEXT NOT NULL REFERENCES topics (topic),
  number INTEGER NOT NULL,
  -- Lowest offset still stored.
  first_offset INTEGER NOT NULL DEFAULT 0,
  -- Offset of the next append; moves in the same transaction as the records, hence no gaps.
  end_offset INTEGER NOT NULL DEFAULT 0,
  size_bytes INTEGER NOT NULL DEFAULT 0,
  UNIQUE (topic, number)
) STRICT;

-- The value is last: SQLite walks a large value's overflow pages to reach a column behind it.
CREATE TABLE IF NOT EXISTS records (
  partition_id INTEGER NOT NULL REFERENCES partitions (id),
  record_offset INTEGER NOT NULL,
  appended_at_ms INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  key TEXT NOT NULL,
  headers TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (partition_id, record_offset)
) STRICT;

-- token is null while nobody holds the group.
CREATE TABLE IF NOT EXISTS consumer_groups (
  name TEXT PRIMARY KEY,
  token TEXT,
  host TEXT NOT NULL,
  pid INTEGER NOT NULL,
  process_start TEXT NOT NULL,
  expires_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS subscriptions (
  topic TEXT NOT NULL,
  group_name TEXT NOT NULL,
  PRIMARY KEY (topic, group_name)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS positions (
  group_name TEXT NOT NULL,
  partition_id INTEGER NOT NULL REFERENCES partitions (id),
  next_offset INTEGER NOT NULL,
  metadata TEXT NOT NULL,
  PRIMARY KEY (group_name, partition_id)
) STRICT, WITHOUT ROWID;
