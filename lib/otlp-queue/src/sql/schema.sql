-- AUTOINCREMENT: an id is never used again, so a late acknowledgement cannot delete another item.
-- body comes last: reading the other columns then never touches its overflow pages.
CREATE TABLE IF NOT EXISTS items (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  batch_id      TEXT    NOT NULL,
  path          TEXT    NOT NULL,
  created_at_ms INTEGER NOT NULL,
  body          BLOB    NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS drops (
  reason TEXT    PRIMARY KEY,
  items  INTEGER NOT NULL
) STRICT;

PRAGMA user_version = 1;
