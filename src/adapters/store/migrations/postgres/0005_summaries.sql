-- Summaries as kept, what proposals were made on, and opinions of readers. For PostgreSQL; its twin for SQLite differs in types
-- only.

CREATE TABLE summaries (
    case_id TEXT COLLATE "C" NOT NULL,
    reader TEXT COLLATE "C" NOT NULL,
    made_at BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (case_id, reader)
);

CREATE TABLE proposal_marks (
    proposal_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    made_at BIGINT NOT NULL,
    document TEXT NOT NULL
);

CREATE TABLE summary_opinions (
    case_id TEXT COLLATE "C" NOT NULL,
    digest TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (case_id, digest, subject)
);
