package store_test

import (
	"testing"

	"consilium/store/storetest"
)

func TestSQLite(t *testing.T) { storetest.Run(t, storetest.SQLite) }

func TestPostgreSQL(t *testing.T) { storetest.Run(t, storetest.StartPostgres(t).Open) }
