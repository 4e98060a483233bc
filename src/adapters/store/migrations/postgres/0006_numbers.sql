-- What a text's numbers are compared with: the end of every known number, by which an abbreviation finds it, and the shapes of
-- known numbers (letters, and 9 for every digit), which say what a number that is not known may be. Items are known by their
-- number; the parts that people call one by follow with its next event.
-- For PostgreSQL; its twin for SQLite differs in types and functions only.

ALTER TABLE object_references ADD COLUMN tail TEXT COLLATE "C" NOT NULL DEFAULT '';
INSERT INTO object_references (normalised, entity, object_kind, object_key)
SELECT replace(replace(replace(replace(replace(upper(key), '-', ''), '/', ''), '.', ''), ' ', ''), '_', ''), 'sku', 'item', key
FROM objects WHERE kind = 'item';
UPDATE object_references SET tail = right(normalised, 4);
CREATE INDEX object_references_tail ON object_references (tail);

CREATE TABLE reference_shapes (
    shape TEXT COLLATE "C" NOT NULL,
    entity TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (shape, entity)
);
INSERT INTO reference_shapes (shape, entity)
SELECT DISTINCT translate(normalised, '012345678', '999999999'), entity FROM object_references;
