package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"consilium/clinical"
	"consilium/fault"
)

// FHIRResource is a resource as it came, with what the store must know of it.
type FHIRResource struct {
	Kind, ID string
	Version  int64  // counts the contents of this id, from 1
	Subject  string // id of the Patient that it is about; "" = of nobody
	Patient  string // what the patient's consent is kept under
	Class    clinical.DataClass
	Updated  time.Time
	Body     []byte // JSON
}

// FHIRKey is one value that a search finds a resource by.
type FHIRKey struct {
	Param, System, Value string
	Low, High            time.Time // of a date: [Low, High)
}

// FHIRTest is one alternative of a condition. Exactly one of its forms is used.
type FHIRTest struct {
	Value     string  // equal; with Prefix, beginning with it
	System    *string // and of this system
	AnyValue  bool    // the system alone decides
	Prefix    bool
	Date      string    // "eq", "ne", "lt", "le", "gt", "ge": how the resource's time lies to [Low, High)
	Low, High time.Time // of a date
}

// FHIRCondition holds when one of its tests does.
type FHIRCondition struct {
	Param string // search parameter; "_id" and "_lastUpdated" are the resource's own
	Tests []FHIRTest
}

// FHIRQuery asks for resources of a kind that meet every condition.
type FHIRQuery struct {
	Kind       string
	Conditions []FHIRCondition
	Latest     bool // latest first, else by id
	Limit      int  // 0 = count only
	Offset     int
}

const fhirColumns = "f.kind, f.id, f.version, f.subject, f.patient_id, f.data_class, f.updated_us, f.body"

func scanFHIR(r scanner) (f FHIRResource, err error) {
	var us int64
	var body string
	err = r.Scan(&f.Kind, &f.ID, &f.Version, &f.Subject, &f.Patient, &f.Class, &us, &body)
	f.Updated, f.Body = at(us), []byte(body)
	return f, err
}

// AnyVersion lets PutFHIR replace whatever is there.
const AnyVersion = -1

// PutFHIR keeps a resource and what it is found by, in the place of the version
// before it, which must be expected (0 = there is none yet); else CONFLICT. f
// gets its new version, and, from the Patient that it is about, what consent is kept under.
func (t *Tx) PutFHIR(ctx context.Context, f *FHIRResource, expected int64, keys []FHIRKey) error {
	const what = "the resource was not stored"
	versions, err := all(ctx, t, what, value[int64], "SELECT version FROM fhir_resources WHERE kind = ? AND id = ?", f.Kind, f.ID)
	if err != nil {
		return err
	}
	present := int64(0)
	if len(versions) > 0 {
		present = versions[0]
	}
	if expected != AnyVersion && expected != present {
		return fault.New(fault.Conflict, fmt.Sprintf("%s/%s has version %d", f.Kind, f.ID, present), "read it again and repeat the change")
	}
	f.Version = present + 1
	if err := t.fhirPatient(ctx, f); err != nil {
		return err
	}
	_, err = t.exec(ctx, `INSERT INTO fhir_resources (kind, id, version, subject, patient_id, data_class, updated_us, body) VALUES (`+marks(8)+`)
		ON CONFLICT (kind, id) DO UPDATE SET version = excluded.version, subject = excluded.subject, patient_id = excluded.patient_id,
		data_class = excluded.data_class, updated_us = excluded.updated_us, body = excluded.body`,
		f.Kind, f.ID, f.Version, f.Subject, f.Patient, string(f.Class), micros(f.Updated), string(f.Body))
	if err != nil {
		return failed(err, what)
	}
	if _, err := t.exec(ctx, "DELETE FROM fhir_keys WHERE kind = ? AND id = ?", f.Kind, f.ID); err != nil {
		return failed(err, what)
	}
	const row = "(?, ?, ?, ?, ?, ?, ?)"
	for len(keys) > 0 {
		n := min(len(keys), 100)
		args := make([]any, 0, 7*n)
		for _, k := range keys[:n] {
			args = append(args, f.Kind, f.ID, k.Param, clean(k.System), clean(k.Value), orNull(k.Low), orNull(k.High))
		}
		keys = keys[n:]
		if _, err := t.exec(ctx, "INSERT INTO fhir_keys (kind, id, param, system, value, low_us, high_us) VALUES "+strings.TrimSuffix(strings.Repeat(row+", ", n), ", "), args...); err != nil {
			return failed(err, what)
		}
	}
	return nil
}

// fhirPatient settles under what name consent is kept: a Patient tells all
// resources about it, another resource asks its Patient.
func (t *Tx) fhirPatient(ctx context.Context, f *FHIRResource) error {
	if f.Patient = clean(f.Patient); f.Kind == "Patient" {
		_, err := t.exec(ctx, "UPDATE fhir_resources SET patient_id = ? WHERE subject = ? AND kind <> 'Patient'", f.Patient, f.ID)
		return failed(err, "the resource was not stored")
	}
	if f.Subject == "" {
		return nil
	}
	keys, err := all(ctx, t, "the resource was not stored", value[string], "SELECT patient_id FROM fhir_resources WHERE kind = 'Patient' AND id = ?", f.Subject)
	if err != nil {
		return err
	}
	if f.Patient = f.Subject; len(keys) > 0 {
		f.Patient = keys[0]
	}
	return nil
}

// mayFHIR is may for resources. What is about nobody may be seen by all.
func (r Reader) mayFHIR() (string, []any) {
	may, args := r.may("f.patient_id", "f.data_class", time.Now())
	return "(f.patient_id = '' OR " + may + ")", args
}

// FHIR gives a resource, or NOT_FOUND, or CONSENT_WITHHELD.
func (s *Store) FHIR(ctx context.Context, r Reader, kind, id string) (FHIRResource, error) {
	if err := r.check(); err != nil {
		return FHIRResource{}, err
	}
	may, args := r.mayFHIR()
	const what = "there is no such resource"
	f, err := one(ctx, s, what, scanFHIR, "SELECT "+fhirColumns+" FROM fhir_resources f WHERE f.kind = ? AND f.id = ? AND "+may, append([]any{kind, id}, args...)...)
	if fault.CodeOf(err) != fault.NotFound {
		return f, err
	}
	if _, hidden := one(ctx, s, what, value[int], "SELECT 1 FROM fhir_resources WHERE kind = ? AND id = ?", kind, id); hidden == nil {
		return f, r.withheld()
	}
	return f, err
}

// FindFHIR gives a page of the resources that meet a query and that the
// reader may see, and how many there are in all.
func (s *Store) FindFHIR(ctx context.Context, r Reader, q FHIRQuery) (found []FHIRResource, total int, err error) {
	if err := r.check(); err != nil {
		return nil, 0, err
	}
	return findFHIR(ctx, s, &r, q)
}

// FindFHIR is for conditional changes, which must see what is there whether
// it may be read or not.
func (t *Tx) FindFHIR(ctx context.Context, q FHIRQuery) (found []FHIRResource, total int, err error) {
	return findFHIR(ctx, t, nil, q)
}

func findFHIR(ctx context.Context, db querier, r *Reader, q FHIRQuery) ([]FHIRResource, int, error) {
	const what = "the resources cannot be searched"
	c := conditions{}
	c.add("f.kind = ?", q.Kind)
	for _, condition := range q.Conditions {
		part, args := condition.sql()
		c.add(part, args...)
	}
	if r != nil {
		may, args := r.mayFHIR()
		c.add(may, args...)
	}
	total, err := one(ctx, db, what, value[int], "SELECT COUNT(*) FROM fhir_resources f"+c.where(), c.args...)
	if err != nil || q.Limit <= 0 {
		return nil, total, err
	}
	order := "f.id"
	if q.Latest {
		order = "f.updated_us DESC, f.id"
	}
	found, err := all(ctx, db, what, scanFHIR, "SELECT "+fhirColumns+" FROM fhir_resources f"+c.where()+" ORDER BY "+order+" LIMIT ? OFFSET ?", append(c.args, q.Limit, q.Offset)...)
	return found, total, err
}

// sql turns a condition into SQL.
func (c FHIRCondition) sql() (string, []any) {
	var parts []string
	var args []any
	own := map[string]string{"_id": "f.id", "_lastUpdated": "f.updated_us"}[c.Param]
	for _, test := range c.Tests {
		part, a := test.sql(own)
		parts, args = append(parts, "("+part+")"), append(args, a...)
	}
	either := "(" + strings.Join(parts, " OR ") + ")"
	if own != "" {
		return either, args
	}
	return "EXISTS (SELECT 1 FROM fhir_keys k WHERE k.kind = f.kind AND k.id = f.id AND k.param = ? AND " + either + ")", append([]any{c.Param}, args...)
}

func (t FHIRTest) sql(own string) (string, []any) {
	low, high, text := "k.low_us", "k.high_us", "k.value"
	if own != "" {
		low, high, text = own, own+" + 1", own
	}
	a, b := micros(t.Low), micros(t.High)
	switch t.Date { // R4 section 3.1.1.4.4: how the range of the value lies to that of the target
	case "eq":
		return low + " >= ? AND " + high + " <= ?", []any{a, b}
	case "ne":
		return low + " < ? OR " + high + " > ?", []any{a, b}
	case "lt":
		return low + " < ?", []any{a}
	case "le":
		return low + " < ?", []any{b}
	case "gt":
		return high + " > ?", []any{b}
	case "ge":
		return high + " > ?", []any{a}
	}
	if own == "f.updated_us" {
		return "1 = 0", nil // no time equals a text
	}
	var parts []string
	var args []any
	if t.System != nil {
		parts, args = append(parts, "k.system = ?"), append(args, clean(*t.System))
	}
	switch {
	case t.Prefix:
		parts, args = append(parts, text+" >= ? AND "+text+" < ?"), append(args, clean(t.Value), clean(t.Value)+lastRune)
	case !t.AnyValue:
		parts, args = append(parts, text+" = ?"), append(args, clean(t.Value))
	}
	return strings.Join(parts, " AND "), args
}

// Fold makes text comparable as searches do: lower case, without accents.
func Fold(s string) string { return fold(clean(s)) }

// Consent gives one consent record by its ID, or NOT_FOUND.
func (s *Store) Consent(ctx context.Context, id string) (ConsentRecord, error) {
	return one(ctx, s, "there is no such consent record", scanConsent, "SELECT "+consentColumns+" FROM consent_records WHERE id = ?", id)
}

// Literal makes text match itself in a field of StudyQuery that knows wildcards.
func Literal(s string) string { return escapeWildcards(s) }
