-- Version 1 did not know what was inside an item, nor which signal a drop belonged to.
ALTER TABLE items RENAME TO items_1;
ALTER TABLE drops RENAME TO drops_1;
