package phenotype

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"

	"consilium/clinical"
	"consilium/fault"
)

// Marked is a sentence with what a person read in it.
type Marked struct {
	Text  string
	Marks []clinical.PhenotypicFeature
}

// mark is a line such as "family absent HP:0001250 Seizure [left]".
var mark = regexp.MustCompile(`^(family )?(present |absent |uncertain )?([A-Za-z]+:\d+) ([^\[]*?)(?: \[(left|right|bilateral|unilateral)\])?$`)

// ReadMarked reads a marked set: a sentence behind ">" (several such lines are
// one text), its marks on the lines below, comments behind "#".
func ReadMarked(r io.Reader) ([]Marked, error) {
	var set []Marked
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	open := false // the last line was part of a sentence
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimRight(lines.Text(), " \r")
		switch {
		case line == "" || line[0] == '#':
			open = false
		case strings.HasPrefix(line, "> ") && open:
			set[len(set)-1].Text += "\n" + line[2:]
		case strings.HasPrefix(line, "> "):
			set, open = append(set, Marked{Text: line[2:]}), true
		default:
			open = false
			m := mark.FindStringSubmatch(line)
			if m == nil || len(set) == 0 || m[1]+m[2] == "" {
				return nil, fault.New(fault.InputMalformed, fmt.Sprintf("line %d of the marked set, %q, is no mark", n, line), `write "present HP:0001250 Seizure", or absent, uncertain, family, family absent; the side in brackets`)
			}
			last := &set[len(set)-1]
			last.Marks = append(last.Marks, clinical.PhenotypicFeature{
				Term: m[3], Label: m[4], Laterality: m[5], Family: m[1] != "",
				Excluded: m[2] == "absent ", Uncertain: m[2] == "uncertain ",
			})
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fault.Wrap(err, fault.InputMalformed, "the marked set cannot be read", "give lines of at most 1 MiB")
	}
	if len(set) == 0 {
		return nil, fault.New(fault.InputEmpty, "the marked set holds no sentence", `begin each with "> "`)
	}
	return set, nil
}
