-- What the encoder made of a message when it was read, so that people are asked about messages that are unlike each other.

CREATE TABLE message_embeddings (
    message_id TEXT NOT NULL PRIMARY KEY REFERENCES messages (id),
    encoder TEXT NOT NULL,
    vector BYTEA NOT NULL
);
CREATE INDEX message_embeddings_encoder ON message_embeddings (encoder, message_id);
