package store

import (
	"context"
	"database/sql"
	"net/url"
	"runtime"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"consilium/fault"
	"consilium/store/migrations"
)

func (s *Store) openPostgres(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		// The address may hold a password: it is not repeated here.
		return fault.New(fault.Usage, "the store's address is not one of PostgreSQL", "write it as postgres://user@host/database, or leave it out for SQLite")
	}
	s.dialect = migrations.Postgres
	db, err := sql.Open("pgx", address)
	if err != nil {
		return fault.New(fault.Usage, "the address of PostgreSQL cannot be read", "write it as postgres://user@host/database")
	}
	n := max(8, 4*runtime.NumCPU())
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	db.SetConnMaxIdleTime(5 * time.Minute)
	s.writer = db
	s.reader = s.writer
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	return failed(db.PingContext(ctx), "PostgreSQL does not answer")
}
