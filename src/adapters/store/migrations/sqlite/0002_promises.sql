-- What versions have learned from outcomes since they serve, and the assessments of one line. For SQLite; its twin for
-- PostgreSQL differs in types only.

CREATE TABLE model_states (
    model TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL,
    revision INTEGER NOT NULL
) STRICT;

CREATE INDEX assessments_line ON assessments (order_id, line_no, as_of, id);
