package table

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"consilium/fault"
)

// readARFF reads Weka's attribute-relation file format, dense form. Sparse
// rows, instance weights, dates and relational attributes are refused.
func readARFF(r io.Reader) (*relation, error) {
	p := arffParser{rel: &relation{}, seen: map[string]bool{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	for lines.Scan() {
		p.line++
		line := strings.TrimSpace(lines.Text())
		if p.line == 1 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		if line == "" || line[0] == '%' {
			continue
		}
		read := p.declaration
		if p.inData {
			read = p.row
		}
		if err := read(line); err != nil {
			return nil, err
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, tooLarge(fmt.Sprintf("line %d is longer than %d bytes", p.line+1, maxLine))
	} else if err != nil {
		return nil, fault.Wrap(err, fault.IO, "the table cannot be read", "")
	}
	if !p.inData {
		return nil, malformed("the ARFF file has no @data")
	}
	return p.rel, p.rel.finish()
}

type arffParser struct {
	rel    *relation
	seen   map[string]bool
	inData bool
	line   int
}

func (p *arffParser) errorf(format string, args ...any) error {
	return malformed(fmt.Sprintf("line %d: ", p.line) + fmt.Sprintf(format, args...))
}

func (p *arffParser) unsupported(what string) error {
	return fault.New(fault.InputUnsupported, fmt.Sprintf("line %d: %s", p.line, what), "convert the file to dense ARFF with numeric and nominal attributes, or to CSV")
}

func (p *arffParser) declaration(line string) error {
	keyword, rest, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
	rest = strings.TrimSpace(rest)
	switch strings.ToLower(keyword) {
	case "@relation":
		name, _, err := word(rest)
		if err != nil {
			return p.errorf("relation name: %v", err)
		}
		p.rel.name = name
		return nil
	case "@attribute":
		return p.attribute(rest)
	case "@data":
		if len(p.rel.columns) == 0 {
			return p.errorf("@data without any @attribute")
		}
		p.inData = true
		return nil
	}
	return p.errorf("expected @relation, @attribute or @data, found %.40q", line)
}

func (p *arffParser) attribute(rest string) error {
	name, kindText, err := word(rest)
	if err != nil || name == "" {
		return p.errorf("attribute name is missing or badly quoted")
	}
	if p.seen[name] {
		return p.errorf("attribute %q is declared twice", name)
	}
	if len(p.rel.columns) == maxColumns {
		return tooLarge(fmt.Sprintf("more than %d attributes", maxColumns))
	}
	p.seen[name] = true
	c := &column{name: name}
	switch keyword := strings.ToLower(kindText); {
	case keyword == "numeric", keyword == "real", keyword == "integer":
		c.kind = numeric
	case keyword == "string":
		c.kind = text
	case strings.HasPrefix(keyword, "date"):
		return p.unsupported(fmt.Sprintf("attribute %q is a date", name))
	case strings.HasPrefix(keyword, "relational"):
		return p.unsupported(fmt.Sprintf("attribute %q is relational", name))
	case strings.HasPrefix(keyword, "{"):
		c.kind = nominal
		if c.levels, err = levels(kindText); err != nil {
			return p.errorf("attribute %q: %v", name, err)
		}
	default:
		return p.errorf("attribute %q has the unknown type %.40q", name, kindText)
	}
	p.rel.columns = append(p.rel.columns, c)
	return nil
}

// levels reads {a, 'b c', d}. A * may follow: some exporters mark attributes so.
func levels(s string) ([]string, error) {
	s = strings.TrimSpace(strings.TrimSuffix(s, "*"))
	if !strings.HasSuffix(s, "}") {
		return nil, errors.New("the list of levels has no closing brace")
	}
	cells, err := cells(s[1 : len(s)-1])
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, level := range cells {
		if level == "" || seen[level] {
			return nil, fmt.Errorf("level %q is empty, missing or repeated", level)
		}
		seen[level] = true
	}
	return cells, nil
}

func (p *arffParser) row(line string) error {
	if line[0] == '{' {
		return p.unsupported("the data is sparse")
	}
	values, err := cells(line)
	if err != nil {
		return p.errorf("%v", err)
	}
	if n := len(p.rel.columns); len(values) == n+1 && strings.HasPrefix(values[n], "{") {
		return p.unsupported("the row has a weight")
	}
	if err := p.rel.add(values); err != nil {
		return p.errorf("%v", err)
	}
	if p.rel.rows*len(p.rel.columns) > maxCells {
		return tooLarge(fmt.Sprintf("more than %d cells", maxCells))
	}
	return nil
}

// word takes the first, possibly quoted, word of s and gives the trimmed rest.
func word(s string) (first, rest string, err error) {
	if s != "" && (s[0] == '\'' || s[0] == '"') {
		first, rest, err = quoted(s)
		return first, strings.TrimSpace(rest), err
	}
	// A level list may follow the name without a space.
	if end := strings.IndexAny(s, " \t{"); end >= 0 {
		return s[:end], strings.TrimSpace(s[end:]), nil
	}
	return s, "", nil
}

// quoted takes a quoted string, with backslash escapes, off the front of s.
func quoted(s string) (value, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == s[0]:
			return b.String(), s[i+1:], nil
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", errors.New("a quote is not closed")
}

// cells splits a line at commas outside quotes; an unquoted ? or nothing is "".
func cells(line string) ([]string, error) {
	var values []string
	for {
		line = strings.TrimSpace(line)
		var value string
		if line != "" && (line[0] == '\'' || line[0] == '"') {
			var err error
			if value, line, err = quoted(line); err != nil {
				return nil, err
			}
			if line = strings.TrimSpace(line); line != "" && line[0] != ',' {
				return nil, fmt.Errorf("text after a closing quote: %.20q", line)
			}
		} else {
			end := strings.IndexByte(line, ',')
			if end < 0 {
				end = len(line)
			}
			value, line = strings.TrimSpace(line[:end]), line[end:]
			if value == "?" {
				value = ""
			}
		}
		values = append(values, value)
		if line == "" {
			return values, nil
		}
		line = line[1:] // the comma
	}
}
