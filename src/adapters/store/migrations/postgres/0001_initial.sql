-- The first schema, for PostgreSQL. Its twin for SQLite differs in types only.
-- Documents are JSON text; the columns beside them are what queries need. Times are UTC microseconds, flags 0 or 1.
-- Keys compare by bytes, so that both databases sort alike.

CREATE TABLE events (
    source TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    digest TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_key TEXT COLLATE "C" NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (source, id)
);
CREATE INDEX events_object ON events (object_kind, object_key);

CREATE TABLE dead_letters (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    status TEXT NOT NULL,
    version BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX dead_letters_status ON dead_letters (status, id);

-- `sku` is set for stock positions only.
CREATE TABLE objects (
    kind TEXT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    sku TEXT COLLATE "C",
    as_of BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (kind, key)
);
CREATE INDEX objects_sku ON objects (sku, key) WHERE sku IS NOT NULL;

CREATE TABLE orders (
    order_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    customer_id TEXT COLLATE "C" NOT NULL,
    carrier_id TEXT COLLATE "C",
    placed_at BIGINT NOT NULL,
    live BIGINT NOT NULL,
    next_check_at BIGINT,
    as_of BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX orders_customer ON orders (customer_id, placed_at, order_id) WHERE live = 1;
CREATE INDEX orders_carrier ON orders (carrier_id, placed_at, order_id) WHERE live = 1;
CREATE INDEX orders_check ON orders (next_check_at, order_id) WHERE live = 1;

-- `wants_stock`: open and nothing allocated.
CREATE TABLE order_lines (
    order_id TEXT COLLATE "C" NOT NULL,
    line_no BIGINT NOT NULL,
    sku TEXT COLLATE "C" NOT NULL,
    warehouse_id TEXT COLLATE "C",
    quantity TEXT NOT NULL,
    promised_ship_at BIGINT,
    placed_at BIGINT NOT NULL,
    live BIGINT NOT NULL,
    wants_stock BIGINT NOT NULL,
    PRIMARY KEY (order_id, line_no)
);
CREATE INDEX order_lines_demand ON order_lines (sku, warehouse_id) WHERE wants_stock = 1;
CREATE INDEX order_lines_sku ON order_lines (sku, placed_at, order_id) WHERE live = 1;

-- What was carried out; line -1 is the whole order.
CREATE TABLE order_actions (
    order_id TEXT COLLATE "C" NOT NULL,
    line_no BIGINT NOT NULL,
    happened_at BIGINT NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (order_id, line_no, happened_at, action)
);

CREATE TABLE object_references (
    normalised TEXT COLLATE "C" NOT NULL,
    entity TEXT COLLATE "C" NOT NULL,
    object_kind TEXT COLLATE "C" NOT NULL,
    object_key TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (normalised, entity, object_kind, object_key)
);

-- Line -1 is the whole order: NULL would be distinct from NULL in the unique index.
CREATE TABLE cases (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    category TEXT NOT NULL,
    order_id TEXT COLLATE "C" NOT NULL,
    line_no BIGINT NOT NULL,
    location TEXT COLLATE "C" NOT NULL,
    open BIGINT NOT NULL,
    state TEXT NOT NULL,
    severity TEXT NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    assignee TEXT COLLATE "C",
    priority DOUBLE PRECISION NOT NULL,
    opened_at BIGINT NOT NULL,
    closed_at BIGINT,
    version BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE UNIQUE INDEX cases_one_open ON cases (order_id, category, line_no, location) WHERE open = 1;
CREATE INDEX cases_order ON cases (order_id, open);
-- The worklist is read off this index in order; the filters are decided in it, before any document is fetched.
CREATE INDEX cases_worklist ON cases (open, priority, id, category, state, severity, owner, assignee);
CREATE INDEX cases_facets ON cases (open, category, state, owner, severity, assignee);

CREATE TABLE messages (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    mail_id TEXT COLLATE "C",
    received_at BIGINT NOT NULL,
    attached BIGINT NOT NULL,
    version BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX messages_mail ON messages (mail_id) WHERE mail_id IS NOT NULL;
CREATE INDEX messages_attached ON messages (attached, id);

CREATE TABLE message_links (
    message_id TEXT COLLATE "C" NOT NULL REFERENCES messages (id),
    order_id TEXT COLLATE "C" NOT NULL,
    case_id TEXT COLLATE "C",
    PRIMARY KEY (message_id, order_id)
);
CREATE INDEX message_links_order ON message_links (order_id);
CREATE INDEX message_links_case ON message_links (case_id) WHERE case_id IS NOT NULL;

CREATE TABLE corrections (
    seq BIGINT NOT NULL PRIMARY KEY,
    message_id TEXT COLLATE "C" NOT NULL REFERENCES messages (id),
    made_by TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    document TEXT NOT NULL
);

CREATE TABLE proposals (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    case_id TEXT COLLATE "C",
    version BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX proposals_state ON proposals (state, id);
CREATE INDEX proposals_case ON proposals (case_id, id) WHERE case_id IS NOT NULL;

-- `due_at`: when a ready job may run, or when a lease ends; NULL once the job is done or dead.
CREATE TABLE jobs (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    topic TEXT COLLATE "C" NOT NULL,
    pull BIGINT NOT NULL,
    status TEXT NOT NULL,
    due_at BIGINT,
    run_at BIGINT NOT NULL,
    dedupe TEXT COLLATE "C",
    proposal_id TEXT COLLATE "C",
    attempt BIGINT NOT NULL,
    attempts_max BIGINT NOT NULL,
    lease_token TEXT NOT NULL,
    lease_until BIGINT,
    worker TEXT,
    error TEXT,
    finished_at BIGINT,
    payload TEXT NOT NULL
);
CREATE INDEX jobs_due ON jobs (pull, due_at, id, kind, topic) WHERE due_at IS NOT NULL;
CREATE UNIQUE INDEX jobs_dedupe ON jobs (dedupe) WHERE due_at IS NOT NULL;

CREATE TABLE incidents (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    open BIGINT NOT NULL,
    version BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX incidents_open ON incidents (open, id);

CREATE TABLE assessments (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    order_id TEXT COLLATE "C" NOT NULL,
    line_no BIGINT NOT NULL,
    case_id TEXT COLLATE "C",
    schema_version TEXT COLLATE "C" NOT NULL,
    as_of BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX assessments_history ON assessments (schema_version, as_of, id);
CREATE INDEX assessments_case ON assessments (case_id, as_of, id) WHERE case_id IS NOT NULL;

CREATE TABLE outcomes (
    order_id TEXT COLLATE "C" NOT NULL,
    line_no BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (order_id, line_no)
);

CREATE TABLE rates (
    kind TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    cases BIGINT NOT NULL,
    missed BIGINT NOT NULL,
    PRIMARY KEY (kind, key)
);

CREATE TABLE decisions (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
);

CREATE TABLE model_versions (
    name TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    registered_at BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (name, version)
);

CREATE TABLE servings (
    seq BIGINT NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    document TEXT NOT NULL
);

CREATE TABLE idempotency_keys (
    principal TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    fingerprint TEXT NOT NULL,
    taken_at BIGINT NOT NULL,
    status BIGINT,
    headers TEXT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (principal, key)
);

CREATE TABLE webhooks (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    document TEXT NOT NULL
);

CREATE TABLE operations (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
);

CREATE TABLE audit (
    seq BIGINT NOT NULL PRIMARY KEY,
    action TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX audit_subject ON audit (subject, seq);
CREATE INDEX audit_action ON audit (action, seq);

-- The end of the chain: one row, which every writer of the chain locks.
CREATE TABLE audit_head (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL
);
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');
