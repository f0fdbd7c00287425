// Package fhir speaks HL7 FHIR R4 (4.0.1), in JSON: a server for the record of
// the node (read, search, create, update, transactions), a client, and the
// form in which a signed result leaves for a hospital's record.
//
// Resources that come from outside are kept as they came, number for number
// and field for field, also those that this program has no use for. Three kinds
// are not kept but made when they are asked for: ImagingStudy from the DICOM
// objects, AuditEvent from the audit log, Consent from the consent records.
// Who may see a patient's resources is decided by store.Reader, as everywhere.
package fhir
