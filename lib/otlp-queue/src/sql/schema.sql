-- AUTOINCREMENT: an id is never used again, so a late acknowledgement cannot delete another item.
-- body comes last: reading the other columns then never touches its overflow pages.
-- entries: data points, log records or spans inside the body.
CREATE TABLE IF NOT EXISTS items (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  batch_id      TEXT    NOT NULL,
  path          TEXT    NOT NULL,
  created_at_ms INTEGER NOT NULL,
  entries       INTEGER NOT NULL,
  body          BLOB    NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS drops (
  reason  TEXT    NOT NULL,
  path    TEXT    NOT NULL,
  items   INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  PRIMARY KEY (reason, path)
) STRICT;

-- How far a source has been moved into this queue; written in the transaction that moves.
CREATE TABLE IF NOT EXISTS marks (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

PRAGMA user_version = 2;
