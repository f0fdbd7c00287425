package store

import (
	"context"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"consilium/store/migrations"
)

// migrate brings the schema up to date. On PostgreSQL several processes may
// start at once: one migrates, the others wait for its advisory lock.
func (s *Store) migrate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*s.timeout) // a large index may need an index built
	defer cancel()
	files, err := migrations.For(s.dialect)
	if err != nil {
		return failed(err, "the schema cannot be read")
	}
	dialect, options := goose.DialectSQLite3, []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithAllowOutofOrder(true), goose.WithSlog(s.log)}
	if s.dialect == migrations.Postgres {
		dialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return failed(err, "the schema cannot be locked")
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(dialect, s.writer, files, options...)
	if err != nil {
		return failed(err, "the schema cannot be read")
	}
	_, err = provider.Up(ctx)
	return failed(err, "the schema could not be brought up to date")
}
