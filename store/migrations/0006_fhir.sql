-- FHIR resources as they came, and what a search finds them by.

-- +goose Up
CREATE TABLE fhir_resources (
  kind        TEXT NOT NULL,    -- resource type
  id          TEXT NOT NULL,
  version     BIGINT NOT NULL,
  subject     TEXT NOT NULL,    -- id of the Patient that it is about; '' = of nobody
  patient_id  TEXT NOT NULL,    -- what consent is kept under
  data_class  TEXT NOT NULL,
  updated_us  BIGINT NOT NULL,
  body        TEXT NOT NULL,    -- JSON
  PRIMARY KEY (kind, id)
);
CREATE INDEX fhir_subject ON fhir_resources (subject, kind);
CREATE INDEX fhir_updated ON fhir_resources (kind, updated_us);

CREATE TABLE fhir_keys (
  kind    TEXT NOT NULL,
  id      TEXT NOT NULL,
  param   TEXT NOT NULL,        -- search parameter
  system  TEXT NOT NULL,        -- of a token
  value   TEXT NOT NULL,        -- token, reference, or folded text
  low_us  BIGINT,               -- the time that a date covers: [low, high)
  high_us BIGINT,
  FOREIGN KEY (kind, id) REFERENCES fhir_resources (kind, id) ON DELETE CASCADE
);
CREATE INDEX fhir_keys_resource ON fhir_keys (kind, id);
CREATE INDEX fhir_keys_value    ON fhir_keys (kind, param, value);
CREATE INDEX fhir_keys_time     ON fhir_keys (kind, param, low_us);

-- +goose Down
DROP TABLE fhir_keys;
DROP TABLE fhir_resources;
