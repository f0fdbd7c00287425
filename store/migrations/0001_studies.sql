-- Studies, series and instances as DICOM orders them, and who may read them.
-- One text for SQLite and PostgreSQL: package migrations says which types to use.

-- +goose Up
CREATE TABLE studies (
  id             SERIAL,
  study_uid      TEXT NOT NULL UNIQUE,
  patient_id     TEXT NOT NULL,
  patient_name   TEXT NOT NULL,
  name_key       TEXT NOT NULL, -- folded: what a search for a name compares with
  referring_key  TEXT NOT NULL, -- folded
  search_key     TEXT NOT NULL, -- folded: both names, patient ID, accession, description
  birth_date     TEXT NOT NULL,
  sex            TEXT NOT NULL,
  study_date     TEXT NOT NULL,
  study_time     TEXT NOT NULL,
  accession      TEXT NOT NULL,
  study_id       TEXT NOT NULL,
  referring      TEXT NOT NULL,
  description    TEXT NOT NULL,
  modalities     TEXT NOT NULL, -- distinct, sorted, joined by a backslash
  series         BIGINT NOT NULL,
  instances      BIGINT NOT NULL,
  bytes          BIGINT NOT NULL,
  received_us    BIGINT NOT NULL, -- first instance
  changed_us     BIGINT NOT NULL, -- latest instance
  state          TEXT NOT NULL,
  urgency        BIGINT NOT NULL,
  headline       TEXT NOT NULL,
  findings       BIGINT NOT NULL,
  synthetic      INTEGER NOT NULL
);
-- Store.Studies names these indexes when it plans a search.
CREATE INDEX studies_received  ON studies (received_us);
CREATE INDEX studies_urgency   ON studies (urgency, received_us);
CREATE INDEX studies_state     ON studies (state, urgency, received_us);
CREATE INDEX studies_date      ON studies (study_date, study_time);
CREATE INDEX studies_patient   ON studies (patient_id);
CREATE INDEX studies_accession ON studies (accession);
CREATE INDEX studies_study_id  ON studies (study_id);
CREATE INDEX studies_name      ON studies (name_key);
CREATE INDEX studies_quiet     ON studies (state, changed_us);

-- Every three letters in a row of search_key: a search for a part of a name
-- does not read every name.
--sqlite:CREATE VIRTUAL TABLE studies_text USING fts5 (search_key, content = 'studies', content_rowid = 'id', tokenize = 'trigram');
-- +goose StatementBegin
--sqlite:CREATE TRIGGER studies_text_insert AFTER INSERT ON studies BEGIN
--sqlite:  INSERT INTO studies_text (rowid, search_key) VALUES (new.id, new.search_key);
--sqlite:END;
-- +goose StatementEnd
-- +goose StatementBegin
--sqlite:CREATE TRIGGER studies_text_delete AFTER DELETE ON studies BEGIN
--sqlite:  INSERT INTO studies_text (studies_text, rowid, search_key) VALUES ('delete', old.id, old.search_key);
--sqlite:END;
-- +goose StatementEnd
-- +goose StatementBegin
--sqlite:CREATE TRIGGER studies_text_update AFTER UPDATE OF search_key ON studies WHEN old.search_key <> new.search_key BEGIN
--sqlite:  INSERT INTO studies_text (studies_text, rowid, search_key) VALUES ('delete', old.id, old.search_key);
--sqlite:  INSERT INTO studies_text (rowid, search_key) VALUES (new.id, new.search_key);
--sqlite:END;
-- pg_trgm comes with PostgreSQL's contrib package; without it searches for a
-- part of a name are slower, no more.
--postgres:DO $$ BEGIN
--postgres:  CREATE EXTENSION IF NOT EXISTS pg_trgm;
--postgres:  CREATE INDEX studies_text ON studies USING gin (search_key gin_trgm_ops);
--postgres:EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'no trigram index: %', SQLERRM;
--postgres:END $$;
-- +goose StatementEnd

CREATE TABLE series (
  study_uid      TEXT NOT NULL REFERENCES studies (study_uid) ON DELETE CASCADE,
  series_uid     TEXT NOT NULL,
  modality       TEXT NOT NULL,
  number         BIGINT NOT NULL,
  description    TEXT NOT NULL,
  body_part      TEXT NOT NULL,
  manufacturer   TEXT NOT NULL,
  device         TEXT NOT NULL,
  data_class     TEXT NOT NULL, -- clinical.DataClass
  result         INTEGER NOT NULL,
  instances      BIGINT NOT NULL,
  received_us    BIGINT NOT NULL,
  PRIMARY KEY (study_uid, series_uid)
);
CREATE INDEX series_uid      ON series (series_uid);
CREATE INDEX series_modality ON series (modality, study_uid);

CREATE TABLE instances (
  sop_uid         TEXT PRIMARY KEY,
  study_uid       TEXT NOT NULL,
  series_uid      TEXT NOT NULL,
  sop_class       TEXT NOT NULL,
  transfer_syntax TEXT NOT NULL,
  data_class      TEXT NOT NULL,
  blob            TEXT NOT NULL, -- SHA-256 of the Part 10 file
  size            BIGINT NOT NULL,
  number          BIGINT NOT NULL,
  frames          BIGINT NOT NULL,
  height          BIGINT NOT NULL,
  width           BIGINT NOT NULL,
  received_us     BIGINT NOT NULL,
  source          TEXT NOT NULL, -- calling AE title, "stow", ...
  synthetic       INTEGER NOT NULL,
  result          INTEGER NOT NULL,
  FOREIGN KEY (study_uid, series_uid) REFERENCES series (study_uid, series_uid) ON DELETE CASCADE
);
CREATE INDEX instances_series ON instances (study_uid, series_uid, number);
CREATE INDEX instances_blob   ON instances (blob);

-- What patients permit, as intervals in force: one (patient, purpose, class)
-- has no two that overlap. class '' covers every class; a denial wins.
CREATE TABLE consent_rules (
  patient_id TEXT NOT NULL,
  purpose    TEXT NOT NULL,
  class      TEXT NOT NULL,
  from_us    BIGINT NOT NULL,
  until_us   BIGINT,           -- NULL: no end
  allow      INTEGER NOT NULL,
  PRIMARY KEY (patient_id, purpose, class, from_us)
);
-- Denials of care are few and asked for with every row that is read.
CREATE INDEX consent_rules_allow ON consent_rules (allow, purpose, patient_id);

-- +goose Down
DROP TABLE consent_rules;
DROP TABLE instances;
DROP TABLE series;
--sqlite:DROP TABLE studies_text;
DROP TABLE studies;
