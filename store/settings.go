package store

import (
	"context"
	"time"
)

// Setting gives the JSON text that is kept under a name, or NOT_FOUND.
func (s *Store) Setting(ctx context.Context, name string) ([]byte, error) {
	text, err := one(ctx, s, "nothing is set under "+name, value[string], "SELECT value FROM settings WHERE name = ?", name)
	return []byte(text), err
}

// SetSetting keeps JSON text under a name.
func (t *Tx) SetSetting(ctx context.Context, name string, text []byte, now time.Time) error {
	_, err := t.exec(ctx, `INSERT INTO settings (name, value, changed_us) VALUES (?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_us = excluded.changed_us`, name, string(text), micros(now))
	return failed(err, "the settings were not stored")
}
