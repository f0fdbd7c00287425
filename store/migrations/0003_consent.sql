-- What patients said, word for word and for ever, and what the audit log needs
-- outside of itself.

-- +goose Up
CREATE TABLE consent_records (
  patient_id  TEXT NOT NULL,
  number      BIGINT NOT NULL,  -- counts a patient's records in the order they were made
  id          TEXT NOT NULL UNIQUE,
  purpose     TEXT NOT NULL,
  class       TEXT NOT NULL,    -- '' = every class
  decision    TEXT NOT NULL,    -- permit, deny, withdraw
  from_us     BIGINT NOT NULL,
  until_us    BIGINT,           -- NULL: no end
  text        TEXT NOT NULL,    -- version of the consent text that the patient was shown
  made_by     TEXT NOT NULL,
  made_us     BIGINT NOT NULL,
  PRIMARY KEY (patient_id, number)
);

-- Signed checkpoints of the audit log: the last of each day, and the latest.
CREATE TABLE audit_checkpoints (
  size       BIGINT PRIMARY KEY,
  checkpoint TEXT NOT NULL,
  made_us    BIGINT NOT NULL
);

-- An index of the audit log, made from it and made again when it is lost.
CREATE TABLE audit_entries (
  number     BIGINT PRIMARY KEY,
  time_us    BIGINT NOT NULL,
  actor      TEXT NOT NULL,
  action     TEXT NOT NULL,
  patient_id TEXT NOT NULL,
  study_uid  TEXT NOT NULL
);
CREATE INDEX audit_patient ON audit_entries (patient_id, number);
CREATE INDEX audit_study   ON audit_entries (study_uid, number);
CREATE INDEX audit_actor   ON audit_entries (actor, number);
CREATE INDEX audit_action  ON audit_entries (action, number);

-- +goose Down
DROP TABLE audit_entries;
DROP TABLE audit_checkpoints;
DROP TABLE consent_records;
