-- What versions have learned from outcomes since they serve, and the assessments of one line. For PostgreSQL; its twin for
-- SQLite differs in types only.

CREATE TABLE model_states (
    model TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    document TEXT NOT NULL,
    revision BIGINT NOT NULL
);

CREATE INDEX assessments_line ON assessments (order_id, line_no, as_of, id);
