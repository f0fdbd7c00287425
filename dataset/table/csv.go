package table

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"consilium/fault"
)

// missing are the spellings of a missing value in CSV files.
var missing = map[string]bool{"": true, "?": true, "NA": true, "N/A": true, "NaN": true, "nan": true, "null": true, "NULL": true}

// readCSV reads RFC 4180 text with one header line, or none.
func readCSV(r *bufio.Reader, noHeader bool) (*relation, error) {
	if start, _ := r.Peek(3); bytes.Equal(start, []byte("\ufeff")) {
		r.Discard(3)
	}
	c := csv.NewReader(r)
	c.Comma = delimiter(r)
	c.TrimLeadingSpace = true
	c.ReuseRecord = true
	first, err := c.Read()
	if err == io.EOF {
		return nil, fault.New(fault.InputEmpty, "the table is empty", "name a file with rows")
	}
	if err != nil {
		return nil, csvError(err)
	}
	rel, err := header(first, noHeader)
	if err != nil {
		return nil, err
	}
	for record := first; ; {
		if noHeader {
			noHeader = false // the first line is a row
		} else if record, err = c.Read(); err == io.EOF {
			break
		} else if err != nil {
			return nil, csvError(err)
		}
		values := make([]string, len(record))
		for i, v := range record {
			if v = strings.TrimSpace(v); !missing[v] {
				values[i] = strings.Clone(v)
			}
		}
		if err := rel.add(values); err != nil {
			return nil, malformed(err.Error())
		}
		if rel.rows*len(rel.columns) > maxCells {
			return nil, tooLarge(fmt.Sprintf("more than %d cells", maxCells))
		}
	}
	for _, column := range rel.columns {
		column.infer()
	}
	return rel, rel.finish()
}

// delimiter is what occurs most in the first line: comma, semicolon or tab.
func delimiter(r *bufio.Reader) rune {
	line, _ := r.Peek(r.Size())
	line, _, _ = bytes.Cut(line, []byte("\n"))
	best := ','
	for _, d := range ";\t" {
		if bytes.Count(line, []byte(string(d))) > bytes.Count(line, []byte(string(best))) {
			best = d
		}
	}
	return best
}

func header(first []string, noHeader bool) (*relation, error) {
	if len(first) > maxColumns {
		return nil, tooLarge(fmt.Sprintf("%d columns, more than %d", len(first), maxColumns))
	}
	rel := &relation{}
	seen := map[string]bool{}
	for i, name := range first {
		name = strings.TrimSpace(strings.Clone(name))
		if noHeader {
			name = fmt.Sprint("V", i+1)
		}
		if name == "" || seen[name] {
			return nil, malformed(fmt.Sprintf("column %d is named %q, which is empty or taken", i+1, name))
		}
		seen[name] = true
		rel.columns = append(rel.columns, &column{name: name})
	}
	return rel, nil
}

func csvError(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return fault.Wrap(err, fault.InputMalformed, "the CSV file is broken", "every row needs as many cells as the header, and quotes closed")
	}
	return fault.Wrap(err, fault.IO, "the table cannot be read", "")
}

// infer decides what a CSV column is: numbers, a few levels, or text.
func (c *column) infer() {
	c.kind = numeric
	for _, v := range c.text {
		if _, err := number(v); v != "" && errors.Is(err, errNotNumber) {
			c.kind = nominal
			break
		}
	}
	if c.kind == nominal {
		if c.levels = distinct(c.text); len(c.levels) > maxLevels {
			c.kind, c.levels = text, nil
		}
	}
}
