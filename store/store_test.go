package store_test

import (
	"testing"

	"consilium/store/storetest"
)

func TestSQLite(t *testing.T) { storetest.Run(t, storetest.SQLite) }

// TestPostgreSQL: the suite on a real server, and backups that move between the databases.
func TestPostgreSQL(t *testing.T) {
	server := storetest.StartPostgres(t)
	storetest.Run(t, server.Open)
	fresh := func() string { return server.Fresh(t) }
	move(t, "from SQLite", func() string { return "" }, fresh)
	move(t, "to PostgreSQL", fresh, fresh)
	move(t, "to SQLite", fresh, func() string { return "" })
}
