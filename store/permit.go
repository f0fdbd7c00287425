package store

import (
	"context"
	"slices"
	"time"

	"consilium/clinical"
)

// Permitted says whether a patient's consent covers a reader's purpose and a class of data now: for examples that
// lie outside the store and must obey the same rules. With class "" only rules for all classes count.
func (s *Store) Permitted(ctx context.Context, r Reader, patient string, class clinical.DataClass) (bool, error) {
	if err := r.check(); err != nil {
		return false, err
	}
	condition, args := r.may("p.patient_id", "p.data_class", time.Now())
	found, err := all(ctx, s, "the consent cannot be read", value[int],
		"SELECT 1 FROM (SELECT CAST(? AS TEXT) AS patient_id, CAST(? AS TEXT) AS data_class) p WHERE "+condition,
		slices.Concat([]any{clean(patient), string(class)}, args)...)
	return len(found) > 0, err
}
