package store

import (
	"context"
	"strings"
	"time"
)

// AuditRow is what the index knows of an entry of the audit log.
type AuditRow struct {
	Number                        uint64
	Time                          time.Time
	Actor, Action, Patient, Study string
}

// AuditQuery selects entries of the audit log by its index. Zero values leave
// a condition out; Since is included, Until is not.
type AuditQuery struct {
	Actor, Action, Patient, Study string
	Since, Until                  time.Time
	Before                        uint64 // only smaller numbers
	Limit                         int
}

// Remember keeps a signed checkpoint of the audit log. Of each day the last one stays.
func (s *Store) Remember(ctx context.Context, size uint64, checkpoint string) error {
	now := time.Now().UTC()
	day := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	return s.Tx(ctx, func(t *Tx) error {
		if _, err := t.exec(ctx, "DELETE FROM audit_checkpoints WHERE made_us >= ? AND size <= ?", micros(day), int64(size)); err != nil {
			return failed(err, "the audit checkpoint was not stored")
		}
		_, err := t.exec(ctx, "INSERT INTO audit_checkpoints (size, checkpoint, made_us) VALUES (?, ?, ?) ON CONFLICT (size) DO NOTHING", int64(size), checkpoint, micros(now))
		return failed(err, "the audit checkpoint was not stored")
	})
}

// Remembered gives the checkpoint of the largest size; "" when there is none.
func (s *Store) Remembered(ctx context.Context) (string, error) {
	found, err := all(ctx, s, "the audit checkpoints cannot be read", value[string], "SELECT checkpoint FROM audit_checkpoints ORDER BY size DESC LIMIT 1")
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0], nil
}

// Checkpoints gives the remembered checkpoints, oldest first.
func (s *Store) Checkpoints(ctx context.Context) ([]string, error) {
	return all(ctx, s, "the audit checkpoints cannot be read", value[string], "SELECT checkpoint FROM audit_checkpoints ORDER BY size LIMIT ?", 100_000)
}

// IndexAudit adds entries of the audit log to its index. The numbers of one
// call follow each other, and those that the index has.
func (s *Store) IndexAudit(ctx context.Context, rows []AuditRow) error {
	const perStatement = 100
	return s.Tx(ctx, func(t *Tx) error {
		for len(rows) > 0 {
			n := min(len(rows), perStatement)
			args := make([]any, 0, 6*n)
			for _, r := range rows[:n] {
				args = append(args, int64(r.Number), micros(r.Time), clean(r.Actor), clean(r.Action), clean(r.Patient), clean(r.Study))
			}
			_, err := t.exec(ctx, "INSERT INTO audit_entries (number, time_us, actor, action, patient_id, study_uid) VALUES "+
				strings.TrimSuffix(strings.Repeat("("+marks(6)+"), ", n), ", ")+" ON CONFLICT (number) DO NOTHING", args...)
			if err != nil {
				return failed(err, "the audit log was not indexed")
			}
			rows = rows[n:]
		}
		return nil
	})
}

// AuditIndexed says how many entries of the audit log are in its index.
func (s *Store) AuditIndexed(ctx context.Context) (uint64, error) {
	next, err := one(ctx, s, "the index of the audit log cannot be read", value[int64], "SELECT COALESCE(MAX(number) + 1, 0) FROM audit_entries")
	return uint64(next), err
}

// ClearAuditIndex empties the index of the audit log, to be made again.
func (s *Store) ClearAuditIndex(ctx context.Context) error {
	return s.Tx(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, "DELETE FROM audit_entries")
		return failed(err, "the index of the audit log was not cleared")
	})
}

// FindAudit gives the numbers of the entries that match, the newest first.
func (s *Store) FindAudit(ctx context.Context, q AuditQuery) ([]uint64, error) {
	conditions, args := []string{"number < ?"}, []any{int64(q.Before)}
	add := func(condition string, set bool, arg any) {
		if set {
			conditions, args = append(conditions, condition), append(args, arg)
		}
	}
	add("actor = ?", q.Actor != "", clean(q.Actor))
	add("action = ?", q.Action != "", clean(q.Action))
	add("patient_id = ?", q.Patient != "", clean(q.Patient))
	add("study_uid = ?", q.Study != "", clean(q.Study))
	add("time_us >= ?", !q.Since.IsZero(), micros(q.Since))
	add("time_us < ?", !q.Until.IsZero(), micros(q.Until))
	return all(ctx, s, "the index of the audit log cannot be read", func(r scanner) (uint64, error) {
		n, err := value[int64](r)
		return uint64(n), err
	}, "SELECT number FROM audit_entries WHERE "+strings.Join(conditions, " AND ")+" ORDER BY number DESC LIMIT ?", append(args, q.Limit)...)
}
