-- What the node says about a study, what people decided about it, and what has
-- to be sent on.

-- +goose Up
CREATE TABLE assessments (
  id          TEXT PRIMARY KEY,
  study_uid   TEXT NOT NULL REFERENCES studies (study_uid) ON DELETE CASCADE,
  fingerprint TEXT NOT NULL, -- of the study's content and the models: the same is never assessed twice
  made_us     BIGINT NOT NULL,
  body        TEXT NOT NULL, -- JSON
  UNIQUE (study_uid, fingerprint)
);
CREATE INDEX assessments_study ON assessments (study_uid, made_us);

-- Blobs that belong to an assessment: its pictures.
CREATE TABLE pictures (
  assessment TEXT NOT NULL REFERENCES assessments (id) ON DELETE CASCADE,
  blob       TEXT NOT NULL, -- SHA-256 of the PNG file
  PRIMARY KEY (assessment, blob)
);
CREATE INDEX pictures_blob ON pictures (blob);

CREATE TABLE reviews (
  assessment TEXT NOT NULL REFERENCES assessments (id) ON DELETE CASCADE,
  finding    TEXT NOT NULL,
  decision   TEXT NOT NULL,
  answer     TEXT NOT NULL,
  comment    TEXT NOT NULL,
  by_name    TEXT NOT NULL,
  at_us      BIGINT NOT NULL,
  PRIMARY KEY (assessment, finding)
);

CREATE TABLE signatures (
  assessment  TEXT PRIMARY KEY REFERENCES assessments (id) ON DELETE CASCADE,
  by_name     TEXT NOT NULL,
  at_us       BIGINT NOT NULL,
  attestation TEXT NOT NULL
);

CREATE TABLE failures (
  study_uid TEXT PRIMARY KEY REFERENCES studies (study_uid) ON DELETE CASCADE,
  code      TEXT NOT NULL,
  what      TEXT NOT NULL,
  todo      TEXT NOT NULL,
  at_us     BIGINT NOT NULL
);

-- The way out: one line for each object and each receiver, written in the
-- transaction that made the object.
CREATE TABLE deliveries (
  id         TEXT PRIMARY KEY,
  study_uid  TEXT NOT NULL,
  object     TEXT NOT NULL, -- SOP instance UID, or the message's own identifier
  peer       TEXT NOT NULL, -- name of the receiver in the settings
  kind       TEXT NOT NULL, -- "dicom", "fhir", "hl7"
  state      TEXT NOT NULL, -- "waiting", "sent", "failed"
  tries      BIGINT NOT NULL,
  created_us BIGINT NOT NULL,
  next_us    BIGINT NOT NULL, -- not before
  done_us    BIGINT NOT NULL,
  problem    TEXT NOT NULL
);
CREATE INDEX deliveries_due   ON deliveries (state, peer, next_us);
CREATE INDEX deliveries_study ON deliveries (study_uid);

-- Audit events of a transaction on their way into the log, which is not part
-- of the database: they are written here with what they tell of, appended to the
-- log, then removed.
CREATE TABLE pending_events (
  id         TEXT PRIMARY KEY,
  created_us BIGINT NOT NULL,
  body       TEXT NOT NULL -- JSON
);
CREATE INDEX pending_events_created ON pending_events (created_us);

-- +goose Down
DROP TABLE pending_events;
DROP TABLE deliveries;
DROP TABLE failures;
DROP TABLE signatures;
DROP TABLE reviews;
DROP TABLE pictures;
DROP TABLE assessments;
