package store

import (
	"context"
	"time"
)

// SeriesQuery asks for series, across studies or of one (Study.UIDs). Empty
// fields leave a condition out; text matches by wildcards as in StudyQuery,
// whose Limit, Offset, Order and CountTo are not used.
type SeriesQuery struct {
	Study                           StudyQuery
	UIDs                            []string
	Modality, Description, BodyPart string
	Manufacturer                    string
	Number                          *int
	Limit, Offset                   int
}

// InstanceQuery asks for objects likewise.
type InstanceQuery struct {
	Series        SeriesQuery
	UIDs, Classes []string
	Number        *int
	Limit, Offset int
}

// StudySeries is a series together with its study.
type StudySeries struct {
	Series Series
	Study  Study
}

// SearchSeries lists series, those of one study by number.
func (s *Store) SearchSeries(ctx context.Context, r Reader, q SeriesQuery) ([]StudySeries, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	limit, offset, err := page(q.Limit, q.Offset)
	if err != nil {
		return nil, err
	}
	c := q.conditions()
	may, args := r.may("studies.patient_id", "series.data_class", time.Now())
	c.add(may, args...)
	return all(ctx, s, "the series could not be listed", scanStudySeries,
		"SELECT "+seriesColumns+", "+studyColumns+" FROM series JOIN studies ON studies.study_uid = series.study_uid"+c.where()+
			" ORDER BY series.study_uid, series.number, series.series_uid LIMIT ? OFFSET ?", append(c.args, limit, offset)...)
}

func (q SeriesQuery) conditions() *conditions {
	c := q.Study.conditions()
	c.in("series.series_uid", anys(q.UIDs))
	c.match("series.modality", q.Modality)
	c.match("series.description", q.Description)
	c.match("series.body_part", q.BodyPart)
	c.match("series.manufacturer", q.Manufacturer)
	if q.Number != nil {
		c.add("series.number = ?", *q.Number)
	}
	return c
}

func scanStudySeries(r scanner) (both StudySeries, err error) {
	var received int64
	row := studyRow{Study: &both.Study}
	if err := r.Scan(append(both.Series.into(&received), row.into()...)...); err != nil {
		return both, err
	}
	both.Series.Received = at(received)
	row.settle()
	return both, nil
}

// SearchInstances lists objects, those of one series by number.
func (s *Store) SearchInstances(ctx context.Context, r Reader, q InstanceQuery) ([]Instance, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	limit, offset, err := page(q.Limit, q.Offset)
	if err != nil {
		return nil, err
	}
	c := q.Series.conditions()
	c.in("instances.sop_uid", anys(q.UIDs))
	c.in("instances.sop_class", anys(q.Classes))
	if q.Number != nil {
		c.add("instances.number = ?", *q.Number)
	}
	may, args := r.may("studies.patient_id", "instances.data_class", time.Now())
	c.add(may, args...)
	return all(ctx, s, "the objects could not be listed", scanInstance, "SELECT "+instanceColumns+instanceTables+c.where()+
		" ORDER BY instances.study_uid, instances.series_uid, instances.number, instances.sop_uid LIMIT ? OFFSET ?", append(c.args, limit, offset)...)
}
