-- What people made of recommendations, and what was explored on which day. For PostgreSQL; its twin for
-- SQLite differs in types only.

CREATE TABLE decision_responses (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    decision_id TEXT COLLATE "C" NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX decision_responses_decision ON decision_responses (decision_id, id);

CREATE TABLE exploration_days (
    day TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    entropy TEXT NOT NULL
);

CREATE TABLE explorations (
    day TEXT COLLATE "C" NOT NULL,
    place BIGINT NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (day, place)
);
CREATE UNIQUE INDEX explorations_subject ON explorations (day, subject);
