package table

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/dataset/settest"
	"consilium/fault"
)

// all puts every row into the train split, so that encodings can be told by hand.
var all = dataset.Fractions{Train: 1}

func TestARFF(t *testing.T) {
	set, err := Open(filepath.Join("testdata", "hearts.arff"), Options{Group: "patient", Split: all})
	if err != nil {
		t.Fatal(err)
	}
	settest.Run(t, set)
	info := set.Info()
	wantColumns := []string{
		"age", "age missing", "chest pain=typical", "chest pain=not typical", "chest pain=none", "chest pain missing",
		`said "it"=yes`, `said "it"=no`, `said "it" missing`, "pressure", "pressure missing",
	}
	if diff := cmp.Diff(wantColumns, info.Columns); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]clinical.Concept{{Name: "sick"}, {Name: "well"}}, info.Labels); diff != "" {
		t.Error(diff)
	}
	if n := set.Len(dataset.Train); n != 8 {
		t.Errorf("%d rows, want 8: one has no label", n)
	}
	into := make([]float32, len(wantColumns))
	s, err := set.Read(dataset.Train, 3, into)
	if err != nil {
		t.Fatal(err)
	}
	// Ages but the unlabelled row's and the missing one's: mean 51.571428, standard deviation 7.188431.
	want := []float32{0.755182, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1}
	if !close(into, want) || s.Group != "p1" || s.Label != 0 {
		t.Errorf("row 4 is %v %+v, want %v", into, s, want)
	}
	if caveats := strings.Join(info.Caveats, "\n"); !strings.Contains(caveats, "note") || !strings.Contains(caveats, "1 rows without a label") {
		t.Errorf("caveats say nothing of what was left out:\n%s", caveats)
	}
}

func close(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Abs(float64(x-y)) < 1e-5 })
}

func TestCSV(t *testing.T) {
	set, err := Open(filepath.Join("testdata", "hearts.csv"), Options{Group: "patient_id", Label: "num>0", Split: all})
	if err != nil {
		t.Fatal(err)
	}
	settest.Run(t, set)
	info := set.Info()
	if diff := cmp.Diff([]string{"age", "smokes=False", "smokes=True", "smokes missing", "ca", "ca missing"}, info.Columns); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]clinical.Concept{{Name: "num up to 0"}, {Name: "num above 0"}}, info.Labels); diff != "" {
		t.Error(diff)
	}
	settest.Counts(t, set, dataset.Train, []int{5, 4})
}

// Nothing of the validation and test rows reaches the encoding: changing them
// changes no train example and no column.
func TestFittedOnTrainOnly(t *testing.T) {
	file := func(held string) *Set {
		var b strings.Builder
		b.WriteString("patient,x,kind,class\n")
		for i := range 40 {
			patient := "p" + string(rune('A'+i))
			cells := ",1.5,a,"
			if i%3 == 0 {
				cells = ",2.5,b,"
			}
			if dataset.AssignSplit(patient, 0, dataset.Fractions{}) != dataset.Train {
				cells = held
			}
			b.WriteString(patient + cells + string(rune('0'+i%2)) + "\n")
		}
		set, err := read(strings.NewReader(b.String()), "x.csv", false, Options{Group: "patient"})
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	plain, wild := file(",2,a,"), file(",1e9,never seen,")
	if diff := cmp.Diff(plain.Info().Columns, wild.Info().Columns); diff != "" {
		t.Error(diff)
	}
	a, b := make([]float32, plain.Info().Size()), make([]float32, plain.Info().Size())
	for i := range plain.Len(dataset.Train) {
		if _, err := plain.Read(dataset.Train, i, a); err != nil {
			t.Fatal(err)
		}
		if _, err := wild.Read(dataset.Train, i, b); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a, b) {
			t.Fatalf("train row %d: %v became %v", i, a, b)
		}
	}
	if _, err := wild.Read(dataset.Test, 0, b); err != nil || !slices.Equal(b, []float32{clip, 0, 0}) {
		t.Errorf("a wild row is %v %v, want a clipped number and no level", b, err)
	}
}

func TestIdenticalRowsStayTogether(t *testing.T) {
	rows := "x,class\n"
	for i := range 30 {
		row := string(rune('0'+i%10)) + "," + string(rune('0'+i%2)) + "\n"
		rows += row
	}
	set, err := read(strings.NewReader(rows), "x.csv", false, Options{})
	if err != nil {
		t.Fatal(err)
	}
	settest.Run(t, set)
	for _, split := range dataset.Splits {
		if n := set.Len(split); n%3 != 0 {
			t.Errorf("%s has %d rows: the three copies of a row were parted", split, n)
		}
	}
}

func TestNoHeader(t *testing.T) {
	set, err := read(strings.NewReader("1,2,3\n4,5,6\n7,?,3\n"), "x.data", false, Options{NoHeader: true, Split: all})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"V1", "V2", "V2 missing"}, set.Info().Columns); diff != "" {
		t.Error(diff)
	}
	settest.Counts(t, set, dataset.Train, []int{2, 1})
}

func TestRefusals(t *testing.T) {
	const head = "@relation r\n@attribute a numeric\n@attribute c {x,y}\n@data\n"
	for _, c := range []struct {
		name, content string
		arff          bool
		o             Options
		code          fault.Code
	}{
		{"empty csv", "", false, Options{}, fault.InputEmpty},
		{"empty arff", "", true, Options{}, fault.InputMalformed},
		{"header only", "a,b\n", false, Options{}, fault.InputEmpty},
		{"ragged", "a,b\n1,2,3\n", false, Options{}, fault.InputMalformed},
		{"open quote", "a,b\n\"1,2\n", false, Options{}, fault.InputMalformed},
		{"repeated column", "a,a\n1,2\n", false, Options{}, fault.InputMalformed},
		{"unnamed column", "a,\n1,2\n", false, Options{}, fault.InputMalformed},
		{"infinite", "a,b\ninf,0\n2,1\n", false, Options{}, fault.InputNotFinite},
		{"huge number", "a,b\n1e99,0\n2,1\n", false, Options{}, fault.InputRange},
		{"one class", "a,b\n1,0\n2,0\n", false, Options{}, fault.InputUnsupported},
		{"continuous label", "a,b\n1,0.5\n2,0.25\n", false, Options{}, fault.InputUnsupported},
		{"no such label", "a,b\n1,0\n2,1\n", false, Options{Label: "z"}, fault.Usage},
		{"no such group", "a,b\n1,0\n2,1\n", false, Options{Group: "z"}, fault.Usage},
		{"no such drop", "a,b\n1,0\n2,1\n", false, Options{Drop: []string{"z"}}, fault.Usage},
		{"label limit is no number", "a,b\n1,0\n2,1\n", false, Options{Label: "b>x"}, fault.Usage},
		{"limit on a nominal label", "a,b\n1,u\n2,v\n", false, Options{Label: "b>0"}, fault.Usage},
		{"limit that parts nothing", "a,b\n1,0\n2,1\n", false, Options{Label: "b>5"}, fault.InputUnsupported},
		{"nothing to feed", "id,b\n1,0\n2,1\n", false, Options{Split: all}, fault.InputUnsupported},
		{"bad fractions", "a,b\n1,0\n2,1\n", false, Options{Split: dataset.Fractions{Train: 2}}, fault.Usage},
		{"too many columns", strings.Repeat("a,", maxColumns) + "b\n", false, Options{}, fault.InputTooLarge},
		{"no data", "@relation r\n@attribute a numeric\n", true, Options{}, fault.InputMalformed},
		{"no attributes", "@relation r\n@data\n1\n", true, Options{}, fault.InputMalformed},
		{"unknown type", "@attribute a complex\n@data\n1\n", true, Options{}, fault.InputMalformed},
		{"unknown keyword", "@atribute a numeric\n", true, Options{}, fault.InputMalformed},
		{"date", "@attribute a date \"yyyy-MM-dd\"\n", true, Options{}, fault.InputUnsupported},
		{"relational", "@attribute a relational\n", true, Options{}, fault.InputUnsupported},
		{"sparse", head + "{0 1, 1 x}\n", true, Options{}, fault.InputUnsupported},
		{"weighted", head + "1, x, {5}\n", true, Options{}, fault.InputUnsupported},
		{"undeclared level", head + "1, z\n", true, Options{}, fault.InputMalformed},
		{"word in a number", head + "one, x\n", true, Options{}, fault.InputMalformed},
		{"short row", head + "1\n", true, Options{}, fault.InputMalformed},
		{"open quote in a row", head + "'1, x\n", true, Options{}, fault.InputMalformed},
		{"repeated attribute", "@attribute a numeric\n@attribute a real\n", true, Options{}, fault.InputMalformed},
		{"repeated level", "@attribute a {x,x}\n", true, Options{}, fault.InputMalformed},
		{"open levels", "@attribute a {x,y\n", true, Options{}, fault.InputMalformed},
		{"long line", "% " + strings.Repeat("x", maxLine), true, Options{}, fault.InputTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := read(strings.NewReader(c.content), "x", c.arff, c.o); fault.CodeOf(err) != c.code {
				t.Errorf("got %v, want %s", err, c.code)
			}
		})
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none.csv"), Options{}); fault.CodeOf(err) != fault.DataMissing {
		t.Error(err)
	}
	if _, err := Open(t.TempDir(), Options{}); fault.CodeOf(err) != fault.InputMissing {
		t.Error(err)
	}
}

func TestCellLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("reads a large file")
	}
	row := strings.Repeat("1,", 4000) + "1\n"
	content := row + strings.Repeat(row, maxCells/4001+1)
	if _, err := read(strings.NewReader(content), "x.csv", false, Options{NoHeader: true}); fault.CodeOf(err) != fault.InputTooLarge {
		t.Error(err)
	}
}
