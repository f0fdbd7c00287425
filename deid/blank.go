package deid

import (
	"fmt"
	"strconv"
	"strings"

	"consilium/dicom"
	"consilium/dicom/pixel"
	"consilium/fault"
)

// Area is a rectangle of pixels: left edge, upper edge, width, height.
type Area struct{ X, Y, Width, Height int }

// ParseArea reads "X,Y,W,H".
func ParseArea(s string) (Area, error) {
	fields := strings.Split(s, ",")
	var v [4]int
	for i, f := range fields {
		n, err := strconv.Atoi(strings.TrimSpace(f))
		if err != nil || len(fields) != 4 {
			return Area{}, fault.New(fault.Usage, fmt.Sprintf("%q is no area", s), "write X,Y,WIDTH,HEIGHT in pixels")
		}
		v[i] = n
	}
	a := Area{v[0], v[1], v[2], v[3]}
	return a, a.check()
}

func (a Area) check() error {
	if a.X < 0 || a.Y < 0 || a.Width < 1 || a.Height < 1 {
		return fault.New(fault.Usage, fmt.Sprintf("an area of %d x %d pixels at %d,%d", a.Width, a.Height, a.X, a.Y), "write X,Y,WIDTH,HEIGHT in pixels")
	}
	return nil
}

// blank makes the area black in one frame.
func (a Area) blank(f pixel.Format, frame []byte) {
	width := f.BitsAllocated / 8
	step := f.Samples * width
	black := blackPixel(f)
	x1, y1 := min(a.X+a.Width, f.Columns), min(a.Y+a.Height, f.Rows)
	for y := a.Y; y < y1; y++ {
		for x := a.X; x < x1; x++ {
			copy(frame[(y*f.Columns+x)*step:][:step], black)
		}
	}
}

// blackPixel is black, or the lowest value.
func blackPixel(f pixel.Format) []byte {
	width := f.BitsAllocated / 8
	out := make([]byte, f.Samples*width)
	put := func(sample int, v uint64) {
		for i := range width {
			out[sample*width+i] = byte(v >> (8 * i))
		}
	}
	stored := max(1, min(f.BitsStored, 63))
	switch {
	case strings.HasPrefix(f.Photometric, "YBR") && f.Samples == 3:
		put(1, 1<<(stored-1))
		put(2, 1<<(stored-1))
	case f.Photometric == "MONOCHROME1" && f.Signed:
		put(0, 1<<(stored-1)-1)
	case f.Photometric == "MONOCHROME1":
		put(0, 1<<stored-1)
	case f.Signed:
		put(0, ^uint64(0)<<(stored-1))
	}
	return out
}

// Rule names the areas to blank in one kind of image. Empty fields fit all.
type Rule struct {
	Manufacturer, Model string // contained in the attribute, upper or lower case
	Modality            string
	Rows, Columns       int
	Areas               []Area
}

// ParseRules reads rules, one a line: manufacturer, model, modality, rows,
// columns and areas, separated by tabs; "*" fits all, areas are "X,Y,W,H"
// separated by blanks, lines that start with # are comments.
func ParseRules(text string) ([]Rule, error) {
	var rules []Rule
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "\t")
		bad := fault.New(fault.Usage, fmt.Sprintf("line %d of the rules is no rule", n), "write manufacturer, model, modality, rows, columns and areas, separated by tabs")
		if len(fields) != 6 {
			return nil, bad
		}
		r := Rule{Manufacturer: star(fields[0]), Model: star(fields[1]), Modality: star(fields[2])}
		var err1, err2 error
		r.Rows, err1 = count(fields[3])
		r.Columns, err2 = count(fields[4])
		if err1 != nil || err2 != nil || r.Manufacturer+r.Model+r.Modality == "" {
			return nil, bad
		}
		for _, s := range strings.Fields(fields[5]) {
			a, err := ParseArea(s)
			if err != nil {
				return nil, err
			}
			r.Areas = append(r.Areas, a)
		}
		if len(r.Areas) == 0 {
			return nil, bad
		}
		rules = append(rules, r)
	}
	return rules, nil
}

func star(s string) string {
	if s = strings.TrimSpace(s); s == "*" {
		return ""
	}
	return s
}

func count(s string) (int, error) {
	if s = star(s); s == "" {
		return 0, nil
	}
	return strconv.Atoi(s)
}

// fits says whether the rule is about this image.
func (r Rule) fits(o *dicom.Object) bool {
	holds := func(t dicom.Tag, part string) bool {
		return strings.Contains(strings.ToLower(o.Text(t)), strings.ToLower(part))
	}
	is := func(t dicom.Tag, want int) bool {
		n, _ := o.Int(t)
		return want == 0 || n == want
	}
	return holds(dicom.Manufacturer, r.Manufacturer) && holds(dicom.ManufacturerModelName, r.Model) &&
		(r.Modality == "" || o.Text(dicom.Modality) == r.Modality) && is(dicom.Rows, r.Rows) && is(dicom.Columns, r.Columns)
}
