-- What a text's numbers are compared with: the end of every known number, by which an abbreviation finds it, and the shapes of
-- known numbers (letters, and 9 for every digit), which say what a number that is not known may be. Items are known by their
-- number; the parts that people call one by follow with its next event.

ALTER TABLE object_references ADD COLUMN tail TEXT NOT NULL DEFAULT '';
INSERT INTO object_references (normalised, entity, object_kind, object_key)
SELECT replace(replace(replace(replace(replace(upper(key), '-', ''), '/', ''), '.', ''), ' ', ''), '_', ''), 'sku', 'item', key
FROM objects WHERE kind = 'item';
UPDATE object_references SET tail = substr(normalised, -4);
CREATE INDEX object_references_tail ON object_references (tail);

CREATE TABLE reference_shapes (
    shape TEXT NOT NULL,
    entity TEXT NOT NULL,
    PRIMARY KEY (shape, entity)
) STRICT;
INSERT INTO reference_shapes (shape, entity)
SELECT DISTINCT replace(replace(replace(replace(replace(replace(replace(replace(replace(normalised, '0', '9'), '1', '9'), '2', '9'), '3', '9'), '4', '9'), '5', '9'), '6', '9'), '7', '9'), '8', '9'), entity
FROM object_references;
