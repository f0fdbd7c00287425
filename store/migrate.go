package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"consilium/fault"
	"consilium/store/migrations"
)

// migrate brings the schema up to date. On PostgreSQL several processes may
// start at once: one migrates, the others wait for its advisory lock.
func (s *Store) migrate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*s.timeout) // a large index may need an index built
	defer cancel()
	provider, err := s.migrator()
	if err == nil {
		_, err = provider.Up(ctx)
	}
	return failed(err, "the schema could not be brought up to date")
}

func (s *Store) migrator() (*goose.Provider, error) {
	files, err := migrations.For(s.dialect)
	if err != nil {
		return nil, err
	}
	dialect, options := goose.DialectSQLite3, []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithAllowOutofOrder(true), goose.WithSlog(s.log)}
	if s.dialect == migrations.Postgres {
		dialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	return goose.NewProvider(dialect, s.writer, files, options...)
}

// openEmpty opens a store that has nothing but the schema as it was after the
// given migrations. Errors: CONFLICT when the database is in use already.
func openEmpty(ctx context.Context, o Options, schema []int64) (*Store, error) {
	o.schema = schema
	return Open(ctx, o)
}

// migrateTo applies the given migrations to an empty database.
func (s *Store) migrateTo(ctx context.Context, schema []int64) error {
	tables := "SELECT count(*) FROM sqlite_master"
	if s.dialect == migrations.Postgres {
		tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()"
	}
	n := 0
	if err := s.writer.QueryRowContext(ctx, tables).Scan(&n); err != nil {
		return failed(err, "the index cannot be read")
	}
	if n > 0 {
		return fault.New(fault.Conflict, "the database is not empty", "name an empty database; nothing is overwritten")
	}
	provider, err := s.migrator()
	if err != nil {
		return failed(err, "the schema cannot be read")
	}
	for _, version := range schema {
		if !slices.ContainsFunc(provider.ListSources(), func(m *goose.Source) bool { return m.Version == version }) {
			return fault.New(fault.InputUnsupported, fmt.Sprintf("the backup was made with schema step %d, which this program does not know", version), "use the program that made it, or a newer one")
		}
		if _, err := provider.ApplyVersion(ctx, version, true); err != nil {
			return failed(err, "the schema could not be made")
		}
	}
	return nil
}

// dropAll takes back what a failed restore made in an empty database.
func (s *Store) dropAll() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	provider, err := s.migrator()
	if err == nil {
		_, err = provider.DownTo(ctx, 0)
	}
	if err == nil {
		_, err = s.writer.ExecContext(ctx, "DROP TABLE goose_db_version")
	}
	return failed(err, "what was restored so far could not be taken back")
}
