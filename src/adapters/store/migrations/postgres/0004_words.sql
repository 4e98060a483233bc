-- What objects are found by beside their keys: addresses, mail domains, words of names and descriptions; and every order of a
-- customer. The addresses and suppliers of what is there already are taken over, so that its people stay known; words of names
-- and descriptions follow with the object's next event. For PostgreSQL; its twin for SQLite differs in types and JSON only.

CREATE TABLE object_words (
    kind TEXT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    role TEXT NOT NULL,
    word TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, key, role, word)
);
CREATE INDEX object_words_word ON object_words (word, role, kind, key);

INSERT INTO object_words (kind, key, role, word)
SELECT DISTINCT o.kind, o.key, 'domain', lower(trim(d.value))
FROM objects o, jsonb_array_elements_text(COALESCE(o.document::jsonb -> 'email_domains', '[]')) AS d (value)
WHERE o.kind IN ('customer', 'supplier', 'carrier');

INSERT INTO object_words (kind, key, role, word)
SELECT DISTINCT o.kind, o.key, 'address', lower(trim(c.value ->> 'email'))
FROM objects o, jsonb_array_elements(COALESCE(o.document::jsonb -> 'contacts', '[]')) AS c (value)
WHERE o.kind IN ('customer', 'supplier', 'carrier') AND c.value ->> 'email' IS NOT NULL;

INSERT INTO object_words (kind, key, role, word)
SELECT o.kind, o.key, 'supplier', o.document::jsonb ->> 'supplier_id' FROM objects o
WHERE o.kind = 'purchase_order' AND o.document::jsonb ->> 'supplier_id' IS NOT NULL;

CREATE INDEX orders_every_of_customer ON orders (customer_id, placed_at, order_id);
