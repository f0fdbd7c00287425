package store

import (
	"context"
	"strings"

	"consilium/clinical"
)

// How SQLite finds one page of studies. There are two ways: walk the studies in
// the order wanted and stop when the page is full, or collect the few that one
// condition leaves and sort them. The first is right for what many studies
// have, the second for what few have; SQLite's planner cannot know which, for
// it plans before it sees the values. So the index of every condition is asked
// how many studies it leaves, up to probeLimit, and the cheaper way is taken.
// PostgreSQL's planner keeps statistics of values and needs no help.

const probeLimit = 5000

// Ties go by id, which every index of SQLite ends with: pages neither repeat nor skip.
var orders = map[Order]struct{ columns, index string }{
	ByReceived: {"studies.received_us DESC, studies.id DESC", "studies_received"},
	ByUrgency:  {"studies.urgency DESC, studies.received_us DESC, studies.id DESC", "studies_urgency"},
	ByDate:     {"studies.study_date DESC, studies.study_time DESC, studies.id DESC", "studies_date"},
}

// source is a condition that an index answers alone: SQL that gives the ids of studies.
type source struct {
	ids   string
	probe string // SQL with as many rows; "" = ids itself
	args  []any
}

// plan gives what to select from; arguments of its own go to the front of c's.
func (s *Store) plan(ctx context.Context, r Reader, q StudyQuery, c *conditions) (from string, err error) {
	studies, err := one(ctx, s, "the studies could not be counted", value[int], "SELECT coalesce(max(id), 0) FROM studies")
	if err != nil {
		return "", err
	}
	var best *source
	fewest, share := probeLimit, 1.0 // share of studies left by all conditions, taken as independent
	for _, src := range q.sources(r) {
		probe := src.probe
		if probe == "" {
			probe = src.ids
		}
		n, err := one(ctx, s, "the studies could not be counted", value[int], "SELECT count(*) FROM ("+probe+" LIMIT ?)", append(src.args[:len(src.args):len(src.args)], probeLimit)...)
		if err != nil {
			return "", err
		}
		share *= float64(n) / float64(max(studies, 1))
		if n < fewest {
			best, fewest = &src, n
		}
	}
	walk := float64(max(q.CountTo, q.Offset+q.Limit)) / max(share, 1e-9) // rows to read until page and count are full
	if best != nil && (float64(fewest) < walk || fewest < q.Limit) {
		c.args = append(best.args[:len(best.args):len(best.args)], c.args...)
		c.parts = append([]string{"studies.id = hit.id"}, c.parts...)
		return "(" + best.ids + ") AS hit CROSS JOIN studies", nil // CROSS JOIN: in this order
	}
	index := orders[q.Order].index
	if q.Order == ByUrgency && len(q.States) == 1 {
		index = "studies_state"
	}
	return "studies INDEXED BY " + index, nil
}

func (q StudyQuery) sources(r Reader) (list []source) {
	where := func(index string, build func(c *conditions)) {
		c := &conditions{}
		build(c)
		if len(c.parts) > 0 {
			list = append(list, source{ids: "SELECT studies.id FROM studies INDEXED BY " + index + c.where(), args: c.args})
		}
	}
	where("sqlite_autoindex_studies_1", func(c *conditions) { c.in("studies.study_uid", anys(q.UIDs)) })
	where("studies_name", func(c *conditions) { c.prefix("studies.name_key", fold(q.PatientName)) })
	where("studies_patient", func(c *conditions) { c.prefix("studies.patient_id", q.PatientID) })
	where("studies_accession", func(c *conditions) { c.prefix("studies.accession", q.Accession) })
	where("studies_study_id", func(c *conditions) { c.prefix("studies.study_id", q.StudyID) })
	where("studies_date", func(c *conditions) { c.between("studies.study_date", q.DateFrom, q.DateTo) })
	where("studies_state", func(c *conditions) { c.in("studies.state", anys(q.States)) })
	where("studies_urgency", func(c *conditions) { c.in("studies.urgency", anys(q.Urgencies)) })
	if match := trigrams(fold(q.PatientName), fold(q.Referring), fold(q.Description), q.textPattern()); match != "" {
		list = append(list, source{ids: "SELECT rowid AS id FROM studies_text WHERE studies_text MATCH ?", args: []any{match}})
	}
	if len(q.Modalities) > 0 {
		in := " FROM series INDEXED BY series_modality WHERE series.modality IN (" + marks(len(q.Modalities)) + ")"
		list = append(list, source{
			ids:   "SELECT id FROM studies WHERE study_uid IN (SELECT series.study_uid" + in + ")",
			probe: "SELECT 1" + in, args: anys(q.Modalities)})
	}
	if r.Purpose != clinical.PurposeCare {
		list = append(list, source{
			ids:  "SELECT studies.id FROM studies INDEXED BY studies_patient WHERE patient_id IN (SELECT patient_id FROM consent_rules WHERE purpose = ? AND allow = 1)",
			args: []any{string(r.Purpose)}})
	}
	return list
}

// trigrams is the question to the text index that every match of the patterns
// answers: all their runs of three and more literal characters. "" when there is none.
func trigrams(patterns ...string) string {
	var runs []string
	for _, p := range patterns {
		p = strings.NewReplacer(escape+"*", "*\x00", escape+"?", "?\x00").Replace(p) // a literal wildcard ends a run too: simple, and right
		for _, run := range strings.FieldsFunc(p, func(r rune) bool { return r == '*' || r == '?' || r == 0 }) {
			if len([]rune(run)) >= 3 {
				runs = append(runs, `"`+strings.ReplaceAll(run, `"`, `""`)+`"`)
			}
		}
	}
	return strings.Join(runs, " AND ")
}
