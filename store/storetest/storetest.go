// Package storetest is what every database behind the store must pass: one
// suite, run by the store's tests for SQLite and for a real PostgreSQL. A
// subject adds its part in a file of its own and a line in parts.
package storetest

import (
	"context"
	"testing"
	"time"

	"consilium/store"
)

// Opener opens an empty store that ends with the test.
type Opener func(t *testing.T) *store.Store

// parts of the suite, by subject.
var parts = []struct {
	name string
	run  func(t *testing.T, s *store.Store)
}{
	{"instances", instances},
	{"other bytes under one UID", conflicts},
	{"dirty text", dirtyText},
	{"states", states},
	{"consent", consent},
	{"search", search},
	{"search agrees with a plain filter", searchProperty},
	{"lists of series and objects", lists},
	{"workitems", workitems},
	{"transactions", transactions},
	{"writers at once", writersAtOnce},
	{"blobs", blobs},
	{"sweep", sweep},
	{"results", results},
	{"reviews", reviews},
	{"failures", failures},
	{"deliveries", deliveries},
	{"pending events", pendingEvents},
	{"counts by state", stateCounts},
	{"accounts", accounts},
	{"sessions", sessions},
	{"tokens", tokens},
	{"links", links},
	{"settings", settings},
	{"consent records", consentRecords},
	{"fhir resources", fhirResources},
	{"audit index", auditIndex},
	{"audit checkpoints", auditCheckpoints},
}

// Run runs the whole suite, each part on a store of its own.
func Run(t *testing.T, open Opener) {
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) { p.run(t, open(t)) })
	}
}

// Open opens a store for a test and closes it at the test's end.
func Open(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	if o.DataDir == "" {
		o.DataDir = t.TempDir()
	}
	s, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// SQLite opens a store in a temporary directory.
func SQLite(t *testing.T) *store.Store { return Open(t, store.Options{}) }

// within gives a context for one test.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
