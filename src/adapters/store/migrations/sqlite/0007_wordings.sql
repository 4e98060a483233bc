-- Which writer had its turn with a kept summary; empty for none. The same for SQLite and PostgreSQL.

ALTER TABLE summaries ADD COLUMN worded_by TEXT NOT NULL DEFAULT '';
