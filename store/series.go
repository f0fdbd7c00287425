package store

import (
	"context"
	"time"
)

// Series of a study.
type Series struct {
	Study, UID                     string
	Modality, Description          string
	Number                         int
	BodyPart, Manufacturer, Device string
	Result                         bool // made by this node
	Instances                      int
	Received                       time.Time
}

const seriesColumns = `series.study_uid, series.series_uid, series.modality, series.description, series.number,
	series.body_part, series.manufacturer, series.device, series.result, series.instances, series.received_us`

func scanSeries(r scanner) (s Series, err error) {
	var received int64
	err = r.Scan(s.into(&received)...)
	s.Received = at(received)
	return s, err
}

// into takes seriesColumns in.
func (s *Series) into(received *int64) []any {
	return []any{&s.Study, &s.UID, &s.Modality, &s.Description, &s.Number,
		&s.BodyPart, &s.Manufacturer, &s.Device, &s.Result, &s.Instances, received}
}

// Series lists the series of a study by number. Errors: NOT_FOUND, CONSENT_WITHHELD.
func (s *Store) Series(ctx context.Context, r Reader, study string) ([]Series, error) {
	if _, err := s.Study(ctx, r, study); err != nil {
		return nil, err
	}
	may, args := r.may("studies.patient_id", "series.data_class", time.Now())
	return all(ctx, s, "the series could not be listed", scanSeries, "SELECT "+seriesColumns+
		" FROM series JOIN studies ON studies.study_uid = series.study_uid WHERE series.study_uid = ? AND "+may+
		" ORDER BY series.number, series.series_uid", append([]any{study}, args...)...)
}
