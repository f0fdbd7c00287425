package migrations

import (
	"io/fs"
	"regexp"
	"strings"
)

// Table is one table of the schema, as it is when every file was applied.
type Table struct {
	Name   string
	Serial string // the column that counts by itself; "" = none
}

var (
	createTable = regexp.MustCompile(`(?ms)^CREATE TABLE (\w+) \((.*?)^\);`)
	dropTable   = regexp.MustCompile(`(?m)^DROP TABLE (\w+);`)
	serial      = regexp.MustCompile(`(?m)^\s*(\w+)\s+SERIAL\b`)
)

// Tables lists the tables in the order in which they can be filled: a table
// refers to earlier ones only. Full text indexes are no tables; the database fills
// them by itself.
func Tables() ([]Table, error) {
	var out []Table
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		up, _, _ := strings.Cut(string(text), "-- +goose Down")
		for _, drop := range dropTable.FindAllStringSubmatch(up, -1) {
			for i := range out {
				if out[i].Name == drop[1] {
					out = append(out[:i], out[i+1:]...)
					break
				}
			}
		}
		for _, create := range createTable.FindAllStringSubmatch(up, -1) {
			t := Table{Name: create[1]}
			if column := serial.FindStringSubmatch(create[2]); column != nil {
				t.Serial = column[1]
			}
			out = append(out, t)
		}
	}
	return out, nil
}
