-- Who may sign in, and by what. Secrets are kept as hashes only.

-- +goose Up
CREATE TABLE accounts (
	id TEXT PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	full_name TEXT NOT NULL,
	role TEXT NOT NULL,
	password TEXT NOT NULL,
	issuer TEXT NOT NULL,
	subject TEXT NOT NULL,
	disabled INTEGER NOT NULL,
	created_us BIGINT NOT NULL,
	changed_us BIGINT NOT NULL,
	seen_us BIGINT NOT NULL
);
CREATE UNIQUE INDEX accounts_subject ON accounts (issuer, subject) WHERE issuer <> '';

CREATE TABLE sessions (
	hash TEXT PRIMARY KEY,
	account_id TEXT NOT NULL REFERENCES accounts (id),
	address TEXT NOT NULL,
	created_us BIGINT NOT NULL,
	seen_us BIGINT NOT NULL,
	expires_us BIGINT NOT NULL
);
CREATE INDEX sessions_account ON sessions (account_id);
CREATE INDEX sessions_expires ON sessions (expires_us);

CREATE TABLE tokens (
	id TEXT PRIMARY KEY,
	hash TEXT NOT NULL UNIQUE,
	account_id TEXT NOT NULL REFERENCES accounts (id),
	name TEXT NOT NULL,
	role TEXT NOT NULL,
	actions TEXT NOT NULL,
	created_us BIGINT NOT NULL,
	expires_us BIGINT NOT NULL,
	used_us BIGINT NOT NULL
);
CREATE INDEX tokens_account ON tokens (account_id);

CREATE TABLE links (
	hash TEXT PRIMARY KEY,
	account_id TEXT NOT NULL,
	created_us BIGINT NOT NULL,
	expires_us BIGINT NOT NULL
);

-- What an administrator sets on the page; value is JSON.
CREATE TABLE settings (
	name TEXT PRIMARY KEY,
	value TEXT NOT NULL,
	changed_us BIGINT NOT NULL
);

-- +goose Down
DROP TABLE settings;
DROP TABLE links;
DROP TABLE tokens;
DROP TABLE sessions;
DROP TABLE accounts;
