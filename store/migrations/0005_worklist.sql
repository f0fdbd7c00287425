-- Unified procedure steps: the worklist that imaging systems share (PS3.4 annex CC).

-- +goose Up
CREATE TABLE workitems (
  uid            TEXT PRIMARY KEY,
  state          TEXT NOT NULL, -- SCHEDULED, IN PROGRESS, COMPLETED, CANCELED
  transaction_id TEXT NOT NULL, -- of who claimed it; a secret, never shown
  performer      TEXT NOT NULL, -- who claimed it
  priority       TEXT NOT NULL,
  label          TEXT NOT NULL,
  patient_id     TEXT NOT NULL,
  name_key       TEXT NOT NULL,
  accession      TEXT NOT NULL,
  scheduled      TEXT NOT NULL, -- DT as in DICOM
  created_us     BIGINT NOT NULL,
  changed_us     BIGINT NOT NULL,
  body           TEXT NOT NULL  -- the data set, DICOM JSON
);
CREATE INDEX workitems_state   ON workitems (state, created_us);
CREATE INDEX workitems_patient ON workitems (patient_id);
CREATE INDEX workitems_changed ON workitems (changed_us);

-- +goose Down
DROP TABLE workitems;
