package heart

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"consilium/fault"
)

// Limits on a file. UCI's have up to 303 rows.
const (
	maxBytes = 4 << 20
	maxRows  = 20_000
)

// The cells of a row, by place.
const (
	age = iota
	sex
	cp
	trestbps
	chol
	fbs
	restecg
	thalach
	exang
	oldpeak
	slope
	ca
	thal
	num
	cells
)

var header = [cells]string{"age", "sex", "cp", "trestbps", "chol", "fbs", "restecg", "thalach", "exang", "oldpeak", "slope", "ca", "thal", "num"}

// bounds are what a cell that is used may hold: wide for measurements, exact for codes.
var bounds = [cells]struct {
	low, high float64
	whole     bool
}{
	age: {0, 120, false}, sex: {0, 1, true}, cp: {1, 4, true}, trestbps: {0, 350, false}, chol: {0, 1500, false},
	fbs: {0, 1, true}, restecg: {0, 2, true}, thalach: {0, 300, false}, exang: {0, 1, true}, oldpeak: {-10, 15, false},
	num: {0, 4, true},
}

// dropped says which columns FLamby leaves out before it looks for missing values.
func dropped(k int) bool { return k == slope || k == ca || k == thal }

// column is one feature: a cell, or whether a coded cell has a level. The constants are round numbers near what is
// usual for adults who come with chest pain; they were not fitted to these rows.
type column struct {
	name          string
	cell          int
	level         float64 // above 0: a dummy
	centre, scale float64
}

var columns = []column{
	{name: "age", cell: age, centre: 50, scale: 10},
	{name: "sex", cell: sex, scale: 1},
	{name: "trestbps", cell: trestbps, centre: 130, scale: 20},
	{name: "chol", cell: chol, centre: 200, scale: 100},
	{name: "fbs", cell: fbs, scale: 1},
	{name: "thalach", cell: thalach, centre: 140, scale: 25},
	{name: "exang", cell: exang, scale: 1},
	{name: "oldpeak", cell: oldpeak, centre: 0, scale: 1},
	{name: "cp=2", cell: cp, level: 2, scale: 1},
	{name: "cp=3", cell: cp, level: 3, scale: 1},
	{name: "cp=4", cell: cp, level: 4, scale: 1},
	{name: "restecg=1", cell: restecg, level: 1, scale: 1},
	{name: "restecg=2", cell: restecg, level: 2, scale: 1},
}

func (c column) value(cells [cells]float64) float64 {
	if c.level == 0 {
		return cells[c.cell]
	}
	if cells[c.cell] == c.level {
		return 1
	}
	return 0
}

// row is one patient.
type row struct {
	id    string
	cells [cells]float64
	label int
}

// readRows reads a centre's table, with or without a header, and keeps the complete rows.
func readRows(r io.Reader, centre string) ([]row, error) {
	limited := &io.LimitedReader{R: r, N: maxBytes + 1}
	c := csv.NewReader(bufio.NewReader(limited))
	c.TrimLeadingSpace, c.ReuseRecord, c.FieldsPerRecord = true, true, int(cells)
	var rows []row
	for line := 1; ; line++ {
		record, err := c.Read()
		if limited.N <= 0 || line > maxRows {
			return nil, fault.New(fault.InputTooLarge, fmt.Sprintf("the table of %s has more than %d rows or %d MiB", centre, maxRows, maxBytes>>20), "give UCI's processed table")
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, csvError(err, centre)
		}
		if line == 1 && strings.TrimPrefix(strings.TrimSpace(record[0]), "\ufeff") == header[0] {
			if err := checkHeader(record, centre); err != nil {
				return nil, err
			}
			continue
		}
		one, whole, err := parse(record, centre, line)
		if err != nil {
			return nil, err
		}
		if whole {
			rows = append(rows, one)
		}
	}
	if len(rows) == 0 {
		return nil, fault.New(fault.InputEmpty, "the table of "+centre+" has no complete row", "give UCI's processed table")
	}
	return rows, nil
}

func csvError(err error, centre string) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return fault.Wrap(err, fault.InputMalformed, "the table of "+centre+" is broken", fmt.Sprintf("every row needs %d cells, separated by commas", int(cells)))
	}
	return fault.Wrap(err, fault.IO, "the table of "+centre+" cannot be read", "")
}

func checkHeader(record []string, centre string) error {
	for k, name := range record {
		if k > 0 && strings.TrimSpace(name) != header[k] {
			return fault.New(fault.InputMalformed, fmt.Sprintf("column %d of %s is named %.40q, not %s", k+1, centre, name, header[k]), "give UCI's processed table, in its order of columns")
		}
	}
	return nil
}

// parse reads one row; whole is false when a cell that is used is missing.
func parse(record []string, centre string, line int) (one row, whole bool, err error) {
	one.id = fmt.Sprintf("%s row %d", centre, line)
	for k, text := range record {
		if dropped(k) {
			continue
		}
		text = strings.TrimSpace(text)
		if text == "" || text == "?" {
			return row{}, false, nil
		}
		v, err := strconv.ParseFloat(text, 64)
		bad := func(code fault.Code, what string) (row, bool, error) {
			return row{}, false, fault.New(code, fmt.Sprintf("%s, line %d, column %s: %.40q %s", centre, line, header[k], text, what), "correct the cell, or leave it empty for a missing value")
		}
		b := bounds[k]
		switch {
		case err != nil && !errors.Is(err, strconv.ErrRange):
			return bad(fault.InputMalformed, "is not a number")
		case math.IsNaN(v) || math.IsInf(v, 0):
			return bad(fault.InputNotFinite, "is not finite")
		case v < b.low || v > b.high || b.whole && v != math.Trunc(v):
			return bad(fault.InputRange, fmt.Sprintf("is outside %g to %g, or between the codes", b.low, b.high))
		}
		one.cells[k] = v
	}
	if one.cells[num] > 0 {
		one.label = 1
	}
	return one, true, nil
}

// deal takes n rows out, in shares of the classes where both have more than two rows (FLamby's rule), else of all.
// Who is taken depends on seed, purpose and the row's name alone; the order of rows stays.
func deal(rows []row, n int, seed uint64, purpose string) (left, taken []row) {
	order := make([]int, len(rows))
	key := make([]uint64, len(rows))
	for i, r := range rows {
		order[i] = i
		sum := sha256.Sum256(append(binary.BigEndian.AppendUint64(nil, seed), purpose+"\n"+r.id...))
		key[i] = binary.BigEndian.Uint64(sum[:8])
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(key[a], key[b]) })

	var count [2]int
	for _, r := range rows {
		count[r.label]++
	}
	room := [2]int{n, n}
	if count[0] > 2 && count[1] > 2 {
		room[1] = int(math.Round(float64(n) * float64(count[1]) / float64(len(rows))))
		room[0] = n - room[1]
	}
	out := make([]bool, len(rows))
	for _, i := range order {
		if l := rows[i].label; room[l] > 0 && n > 0 {
			out[i] = true
			room[l]--
			n--
		}
	}
	for i, r := range rows {
		if out[i] {
			taken = append(taken, r)
		} else {
			left = append(left, r)
		}
	}
	return left, taken
}
