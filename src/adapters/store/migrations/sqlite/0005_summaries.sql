-- Summaries as kept, what proposals were made on, and opinions of readers. For SQLite; its twin for PostgreSQL differs in types
-- only.

CREATE TABLE summaries (
    case_id TEXT NOT NULL,
    reader TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (case_id, reader)
) STRICT;

CREATE TABLE proposal_marks (
    proposal_id TEXT NOT NULL PRIMARY KEY,
    made_at INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE summary_opinions (
    case_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    subject TEXT NOT NULL,
    at INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (case_id, digest, subject)
) STRICT;
