package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"consilium/fault"
	"consilium/store/migrations"
)

// The rows of every table as text that either database can take in: one JSON
// array a row, the first one the names of the columns. Bytes are {"b64": ...}.

const dumpChunk = 4 << 20 // bytes of rows in one entry of a backup

// snapshot is the index as of one moment, whatever is written meanwhile.
type snapshot struct {
	s    *Store
	conn *sql.Conn
	end  func()
}

func (s *Store) snapshot(ctx context.Context) (*snapshot, error) {
	conn, err := s.reader.Conn(ctx)
	if err != nil {
		return nil, failed(err, "the index cannot be read")
	}
	begin := "BEGIN" // SQLite: reads see the moment of the first one
	if s.dialect == migrations.Postgres {
		begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	}
	if _, err := conn.ExecContext(ctx, begin); err != nil {
		conn.Close()
		return nil, failed(err, "the index cannot be read")
	}
	return &snapshot{s, conn, sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		_, _ = conn.ExecContext(ctx, "ROLLBACK")
		conn.Close()
	})}, nil
}

func (n *snapshot) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if n.s.dialect == migrations.Postgres {
		text = placeholders(text)
	}
	return n.conn.QueryContext(ctx, text, args...)
}

// bounded: a backup takes as long as it takes; its context ends it.
func (n *snapshot) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}

// blobs lists every blob that a column names, once, in order.
func (n *snapshot) blobs(ctx context.Context) ([]string, error) {
	var list []string
	for _, c := range blobColumns {
		some, err := all(ctx, n, "the objects cannot be listed", value[string], "SELECT DISTINCT "+c[1]+" FROM "+c[0])
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// tables hands every table's rows to write, in pieces.
func (n *snapshot) tables(ctx context.Context, write func(name string, content []byte) error) error {
	list, err := migrations.Tables()
	if err != nil {
		return failed(err, "the schema cannot be read")
	}
	for _, t := range list {
		if err := n.table(ctx, t.Name, write); err != nil {
			return err
		}
	}
	return nil
}

func (n *snapshot) table(ctx context.Context, name string, write func(name string, content []byte) error) error {
	rows, err := n.query(ctx, "SELECT * FROM "+name)
	if err != nil {
		return failed(err, "table "+name+" cannot be read")
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return failed(err, "table "+name+" cannot be read")
	}
	head, err := json.Marshal(columns)
	if err != nil {
		return failed(err, "table "+name+" cannot be read")
	}
	b := bytes.NewBuffer(append(head, '\n'))
	piece := 0
	flush := func() error {
		err := write(fmt.Sprintf("%s%s/%06d.jsonl", tablesDir, name, piece), b.Bytes())
		b.Reset()
		b.Write(append(head, '\n'))
		piece++
		return err
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return failed(err, "table "+name+" cannot be read")
		}
		if err := dumpRow(b, values); err != nil {
			return failed(err, "table "+name+" cannot be read")
		}
		if b.Len() >= dumpChunk {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := rows.Err(); err != nil {
		return failed(err, "table "+name+" cannot be read")
	}
	return flush()
}

type bytesValue struct {
	B64 string `json:"b64"`
}

func dumpRow(b *bytes.Buffer, values []any) error {
	row := make([]any, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case nil, int64, float64, string:
			row[i] = v
		case []byte:
			row[i] = bytesValue{base64.StdEncoding.EncodeToString(v)}
		default:
			return fmt.Errorf("a value of type %T", v)
		}
	}
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	return e.Encode(row)
}

// loadRows puts the rows of one piece of a dump into their table.
func (t *Tx) loadRows(ctx context.Context, table string, content []byte) error {
	bad := func(err error) error {
		return fault.Wrap(err, fault.StoreCorrupt, "the rows of "+table+" in the backup cannot be read", "use another backup")
	}
	d := json.NewDecoder(bytes.NewReader(content))
	d.UseNumber()
	var columns []string
	if err := d.Decode(&columns); err != nil || len(columns) == 0 {
		return bad(err)
	}
	for _, c := range columns {
		if strings.Trim(c, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			return bad(fmt.Errorf("a column named %.40q", c))
		}
	}
	insert := "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (" + marks(len(columns)) + ")"
	for d.More() {
		var row []any
		if err := d.Decode(&row); err != nil || len(row) != len(columns) {
			return bad(err)
		}
		for i := range row {
			v, err := loadValue(row[i])
			if err != nil {
				return bad(err)
			}
			row[i] = v
		}
		if _, err := t.exec(ctx, insert, row...); err != nil {
			// Rows are used before the checksum behind them is known: a column or a
			// value that does not fit is damage.
			switch coded := failed(err, "the rows of "+table+" cannot be restored"); fault.CodeOf(coded) {
			case fault.StoreFailed, fault.Conflict:
				return bad(err)
			default:
				return coded
			}
		}
	}
	return nil
}

func loadValue(v any) (any, error) {
	switch v := v.(type) {
	case nil, string:
		return v, nil
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return v.Float64()
		}
		return strconv.ParseInt(v.String(), 10, 64)
	case map[string]any:
		text, _ := v["b64"].(string)
		return base64.StdEncoding.DecodeString(text)
	}
	return nil, fmt.Errorf("a value of type %T", v)
}

// countOn lets the columns that count by themselves go on after the rows that
// were loaded (PostgreSQL; SQLite sees it by itself).
func (t *Tx) countOn(ctx context.Context) error {
	if t.s.dialect != migrations.Postgres {
		return nil
	}
	tables, err := migrations.Tables()
	if err != nil {
		return failed(err, "the schema cannot be read")
	}
	for _, table := range tables {
		if table.Serial == "" {
			continue
		}
		text := fmt.Sprintf("SELECT setval(pg_get_serial_sequence('%s', '%s'), greatest(1, (SELECT coalesce(max(%[2]s), 0) FROM %[1]s)))", table.Name, table.Serial)
		if _, err := one(ctx, t, "the counters cannot be set", value[int64], text); err != nil {
			return err
		}
	}
	return nil
}
