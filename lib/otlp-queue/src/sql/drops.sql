SELECT reason, path, items, entries FROM drops
