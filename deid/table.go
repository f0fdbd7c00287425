package deid

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"consilium/dicom"
)

// Edition is that of PS3.15 which table.tsv follows.
const Edition = "2025b"

//go:embed table.tsv
var tableText string

// row is one line of Table E.1-1: the action of the basic profile, and those
// of the options by column.
type row struct {
	basic   string
	options map[string]string
}

// table is Table E.1-1 by tag, and by name for the rows that stand for many.
// New refuses to work with one that cannot be read.
var table = sync.OnceValues(func() (map[string]row, error) { return parseTable(tableText) })

func parseTable(text string) (map[string]row, error) {
	rows := map[string]row{}
	var columns []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "\t")
		if columns == nil {
			columns = fields
			continue
		}
		if len(fields) != len(columns) {
			return nil, fmt.Errorf("%d fields in %q, want %d", len(fields), line, len(columns))
		}
		r := row{basic: fields[2], options: map[string]string{}}
		for i := 3; i < len(fields); i++ {
			if fields[i] != "" {
				r.options[columns[i]] = fields[i]
			}
		}
		if _, twice := rows[fields[0]]; twice {
			return nil, fmt.Errorf("%s twice", fields[0])
		}
		rows[fields[0]] = r
	}
	return rows, nil
}

// ruled are the tags of the table, for fast look-ups.
var ruled = sync.OnceValue(func() map[dicom.Tag]row {
	out := map[dicom.Tag]row{}
	rows, _ := table() // New has looked at the error
	for name, r := range rows {
		if v, err := strconv.ParseUint(name, 16, 32); err == nil {
			out[dicom.Tag(v)] = r
		}
	}
	return out
})

// action is what becomes of one attribute.
type action byte

const (
	keep    action = 'K'
	remove  action = 'X'
	empty   action = 'Z'
	dummy   action = 'D'
	clean   action = 'C'
	replace action = 'U' // the UID
)

// decide combines the basic profile with the options that are on: an option
// overrules the profile, and of two options the one that cleans wins.
//
// Of actions that depend on the type of the attribute in its object (X/Z/D),
// the last is taken: it suits every type, and leaves no more of the original.
func (r row) decide(p *Profile) action {
	chosen := action(0)
	for _, o := range options {
		if a := r.options[o.column]; a != "" && *o.on(p) && chosen != clean {
			chosen = action(a[0])
		}
	}
	if chosen != 0 {
		return chosen
	}
	basic := strings.TrimSuffix(r.basic, "*")
	return action(basic[len(basic)-1])
}
