-- What people made of recommendations, and what was explored on which day. For SQLite; its twin for
-- PostgreSQL differs in types only.

CREATE TABLE decision_responses (
    id TEXT NOT NULL PRIMARY KEY,
    decision_id TEXT NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX decision_responses_decision ON decision_responses (decision_id, id);

CREATE TABLE exploration_days (
    day TEXT NOT NULL PRIMARY KEY,
    entropy TEXT NOT NULL
) STRICT;

CREATE TABLE explorations (
    day TEXT NOT NULL,
    place INTEGER NOT NULL,
    subject TEXT NOT NULL,
    PRIMARY KEY (day, place)
) STRICT;
CREATE UNIQUE INDEX explorations_subject ON explorations (day, subject);
