-- The first schema, for SQLite. Its twin for PostgreSQL differs in types only.
-- Documents are JSON text; the columns beside them are what queries need. Times are UTC microseconds, flags 0 or 1.
-- Keys compare by bytes, so that both databases sort alike.

CREATE TABLE events (
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    digest TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_key TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (source, id)
) STRICT;
CREATE INDEX events_object ON events (object_kind, object_key);

CREATE TABLE dead_letters (
    id TEXT NOT NULL PRIMARY KEY,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX dead_letters_status ON dead_letters (status, id);

-- `sku` is set for stock positions only.
CREATE TABLE objects (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    sku TEXT,
    as_of INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT;
CREATE INDEX objects_sku ON objects (sku, key) WHERE sku IS NOT NULL;

CREATE TABLE orders (
    order_id TEXT NOT NULL PRIMARY KEY,
    customer_id TEXT NOT NULL,
    carrier_id TEXT,
    placed_at INTEGER NOT NULL,
    live INTEGER NOT NULL,
    next_check_at INTEGER,
    as_of INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX orders_customer ON orders (customer_id, placed_at, order_id) WHERE live = 1;
CREATE INDEX orders_carrier ON orders (carrier_id, placed_at, order_id) WHERE live = 1;
CREATE INDEX orders_check ON orders (next_check_at, order_id) WHERE live = 1;

-- `wants_stock`: open and nothing allocated.
CREATE TABLE order_lines (
    order_id TEXT NOT NULL,
    line_no INTEGER NOT NULL,
    sku TEXT NOT NULL,
    warehouse_id TEXT,
    quantity TEXT NOT NULL,
    promised_ship_at INTEGER,
    placed_at INTEGER NOT NULL,
    live INTEGER NOT NULL,
    wants_stock INTEGER NOT NULL,
    PRIMARY KEY (order_id, line_no)
) STRICT;
CREATE INDEX order_lines_demand ON order_lines (sku, warehouse_id) WHERE wants_stock = 1;
CREATE INDEX order_lines_sku ON order_lines (sku, placed_at, order_id) WHERE live = 1;

-- What was carried out; line -1 is the whole order.
CREATE TABLE order_actions (
    order_id TEXT NOT NULL,
    line_no INTEGER NOT NULL,
    happened_at INTEGER NOT NULL,
    action TEXT NOT NULL,
    PRIMARY KEY (order_id, line_no, happened_at, action)
) STRICT;

CREATE TABLE object_references (
    normalised TEXT NOT NULL,
    entity TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_key TEXT NOT NULL,
    PRIMARY KEY (normalised, entity, object_kind, object_key)
) STRICT;

-- Line -1 is the whole order: NULL would be distinct from NULL in the unique index.
CREATE TABLE cases (
    id TEXT NOT NULL PRIMARY KEY,
    category TEXT NOT NULL,
    order_id TEXT NOT NULL,
    line_no INTEGER NOT NULL,
    location TEXT NOT NULL,
    open INTEGER NOT NULL,
    state TEXT NOT NULL,
    severity TEXT NOT NULL,
    owner TEXT NOT NULL,
    assignee TEXT,
    priority REAL NOT NULL,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,
    version INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX cases_one_open ON cases (order_id, category, line_no, location) WHERE open = 1;
CREATE INDEX cases_order ON cases (order_id, open);
-- The worklist is read off this index in order; the filters are decided in it, before any document is fetched.
CREATE INDEX cases_worklist ON cases (open, priority, id, category, state, severity, owner, assignee);
CREATE INDEX cases_facets ON cases (open, category, state, owner, severity, assignee);

CREATE TABLE messages (
    id TEXT NOT NULL PRIMARY KEY,
    mail_id TEXT,
    received_at INTEGER NOT NULL,
    attached INTEGER NOT NULL,
    version INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX messages_mail ON messages (mail_id) WHERE mail_id IS NOT NULL;
CREATE INDEX messages_attached ON messages (attached, id);

CREATE TABLE message_links (
    message_id TEXT NOT NULL REFERENCES messages (id),
    order_id TEXT NOT NULL,
    case_id TEXT,
    PRIMARY KEY (message_id, order_id)
) STRICT;
CREATE INDEX message_links_order ON message_links (order_id);
CREATE INDEX message_links_case ON message_links (case_id) WHERE case_id IS NOT NULL;

CREATE TABLE corrections (
    seq INTEGER NOT NULL PRIMARY KEY,
    message_id TEXT NOT NULL REFERENCES messages (id),
    made_by TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE proposals (
    id TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    case_id TEXT,
    version INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX proposals_state ON proposals (state, id);
CREATE INDEX proposals_case ON proposals (case_id, id) WHERE case_id IS NOT NULL;

-- `due_at`: when a ready job may run, or when a lease ends; NULL once the job is done or dead.
CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    topic TEXT NOT NULL,
    pull INTEGER NOT NULL,
    status TEXT NOT NULL,
    due_at INTEGER,
    run_at INTEGER NOT NULL,
    dedupe TEXT,
    proposal_id TEXT,
    attempt INTEGER NOT NULL,
    attempts_max INTEGER NOT NULL,
    lease_token TEXT NOT NULL,
    lease_until INTEGER,
    worker TEXT,
    error TEXT,
    finished_at INTEGER,
    payload TEXT NOT NULL
) STRICT;
CREATE INDEX jobs_due ON jobs (pull, due_at, id, kind, topic) WHERE due_at IS NOT NULL;
CREATE UNIQUE INDEX jobs_dedupe ON jobs (dedupe) WHERE due_at IS NOT NULL;

CREATE TABLE incidents (
    id TEXT NOT NULL PRIMARY KEY,
    open INTEGER NOT NULL,
    version INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX incidents_open ON incidents (open, id);

CREATE TABLE assessments (
    id TEXT NOT NULL PRIMARY KEY,
    order_id TEXT NOT NULL,
    line_no INTEGER NOT NULL,
    case_id TEXT,
    schema_version TEXT NOT NULL,
    as_of INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX assessments_history ON assessments (schema_version, as_of, id);
CREATE INDEX assessments_case ON assessments (case_id, as_of, id) WHERE case_id IS NOT NULL;

CREATE TABLE outcomes (
    order_id TEXT NOT NULL,
    line_no INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (order_id, line_no)
) STRICT;

CREATE TABLE rates (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    cases INTEGER NOT NULL,
    missed INTEGER NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT;

CREATE TABLE decisions (
    id TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE model_versions (
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    registered_at INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (name, version)
) STRICT;

CREATE TABLE servings (
    seq INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE idempotency_keys (
    principal TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    taken_at INTEGER NOT NULL,
    status INTEGER,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (principal, key)
) STRICT;

CREATE TABLE webhooks (
    id TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE operations (
    id TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE audit (
    seq INTEGER NOT NULL PRIMARY KEY,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX audit_subject ON audit (subject, seq);
CREATE INDEX audit_action ON audit (action, seq);

-- The end of the chain: one row, which every writer of the chain locks.
CREATE TABLE audit_head (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL
) STRICT;
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');
