package heart

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"consilium/dataset"
	"consilium/dataset/settest"
	"consilium/fault"
)

// FLamby's sizes: rows, train, test.
var flamby = map[string][2]int{"cleveland": {199, 104}, "hungarian": {172, 89}, "switzerland": {30, 16}, "va": {85, 45}}

// The whole point of following a protocol: its counts come out, in every split.
func TestFLambyCounts(t *testing.T) {
	dir := settest.Data(t, "uci_heart")
	for seed := range uint64(5) {
		total := 0
		for _, centre := range Centres() {
			set, err := Open(dir, Options{Centre: centre, Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			train := set.Len(dataset.Train) + set.Len(dataset.Validation)
			if want := flamby[centre]; train != want[0] || set.Len(dataset.Test) != want[1] {
				t.Errorf("%s: %d/%d, want %v", centre, train, set.Len(dataset.Test), want)
			}
			if want := int(math.Round(0.2 * float64(train))); set.Len(dataset.Validation) != want {
				t.Errorf("%s: %d validation rows, want %d", centre, set.Len(dataset.Validation), want)
			}
			total += train + set.Len(dataset.Test)
		}
		if total != 740 {
			t.Errorf("%d rows, want 740", total)
		}
	}
	set, err := Open(dir, Options{Centre: "cleveland"})
	if err != nil {
		t.Fatal(err)
	}
	// 139 of 303 are sick, so 48 of 104 test rows: the draw keeps the classes' shares.
	settest.Counts(t, set, dataset.Test, []int{56, 48})
}

// A golden row: the first of cleveland.csv is 63,1,1,145,233,1,2,150,0,2.3,...,0.
func TestGoldenRow(t *testing.T) {
	rows, err := readRows(strings.NewReader("age,sex,cp,trestbps,chol,fbs,restecg,thalach,exang,oldpeak,slope,ca,thal,num\n"+
		"63.0,1.0,1.0,145.0,233.0,1.0,2.0,150.0,0.0,2.3,3.0,0.0,6.0,0\n"+
		"60,0,4,?,200,0,0,140,0,0,,,,1\n"+ // dropped
		"40,0,3,130,0,0,1,140,1,-1,?,?,?,3\n"), "cleveland")
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	set := &Set{info: describe("cleveland", false), parts: map[dataset.Split][]row{dataset.Train: rows}}
	into := make([]float32, set.Info().Size())
	want := [][]float32{
		{1.3, 1, 0.75, 0.33, 1, 0.4, 0, 2.3, 0, 0, 0, 0, 1},
		{-1, 0, 0, -2, 0, 0, 1, -1, 0, 1, 0, 1, 0},
	}
	for i, label := range []int{0, 1} {
		s, err := set.Read(dataset.Train, i, into)
		if err != nil || s.Label != label {
			t.Fatalf("%+v %v", s, err)
		}
		if !slices.EqualFunc(into, want[i], func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-6 }) {
			t.Errorf("row %d: %v, want %v", i, into, want[i])
		}
	}
	if set.Info().Size() != 13 {
		t.Errorf("%d features, FLamby's model takes 13", set.Info().Size())
	}
}

func TestPooledIsTheCentres(t *testing.T) {
	for name, open := range map[string]func(*testing.T, Options) (*Set, error){
		"generated": func(_ *testing.T, o Options) (*Set, error) {
			if o.Centre == "" {
				return GeneratePooled(0, o)
			}
			return Generate(0, o)
		},
		"real": func(t *testing.T, o Options) (*Set, error) {
			dir := settest.Data(t, "uci_heart")
			if o.Centre == "" {
				return Pooled(dir, o)
			}
			return Open(dir, o)
		},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := open(t, Options{Seed: 3})
			if err != nil {
				t.Fatal(err)
			}
			home := map[string]dataset.Split{}
			for _, split := range dataset.Splits {
				for _, id := range ids(t, all, split) {
					home[id] = split
				}
			}
			seen := 0
			for _, centre := range Centres() {
				one, err := open(t, Options{Seed: 3, Centre: centre})
				if err != nil {
					t.Fatal(err)
				}
				for _, split := range dataset.Splits {
					for _, id := range ids(t, one, split) {
						seen++
						if home[id] != split {
							t.Fatalf("%s is in %s of its centre and in %q of all", id, split, home[id])
						}
					}
				}
			}
			if seen != len(home) || seen != 740 {
				t.Errorf("%d rows in centres, %d in all", seen, len(home))
			}
			settest.Run(t, all)
		})
	}
}

func ids(t *testing.T, set dataset.Set, split dataset.Split) []string {
	t.Helper()
	into := make([]float32, set.Info().Size())
	var out []string
	for i := range set.Len(split) {
		s, err := set.Read(split, i, into)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s.ID)
	}
	return out
}

// Another seed is another draw, the same seed the same.
func TestSeed(t *testing.T) {
	test := func(seed uint64) []string {
		set, err := Generate(0, Options{Centre: "va", Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		return ids(t, set, dataset.Test)
	}
	if !slices.Equal(test(1), test(1)) || slices.Equal(test(1), test(2)) {
		t.Error("the split does not follow the seed")
	}
}

// The generated centres differ as the real ones do, or a simulation on them shows nothing.
func TestGeneratedShift(t *testing.T) {
	sick := map[string]float64{}
	for _, centre := range Centres() {
		set, err := Generate(0, Options{Centre: centre})
		if err != nil {
			t.Fatal(err)
		}
		if !set.Info().Synthetic {
			t.Error("not marked as synthetic")
		}
		n, into := 0.0, make([]float32, set.Info().Size())
		for _, split := range dataset.Splits {
			for i := range set.Len(split) {
				s, err := set.Read(split, i, into)
				if err != nil {
					t.Fatal(err)
				}
				sick[centre] += float64(s.Label)
				n++
				if centre == "switzerland" && into[3] != -2 {
					t.Errorf("Switzerland measured cholesterol: %v", into[3])
				}
			}
		}
		sick[centre] /= n
	}
	if !(sick["switzerland"] > 0.85 && sick["hungarian"] < 0.55 && sick["cleveland"] > 0.3) {
		t.Errorf("shares of disease %v", sick)
	}
}

func TestRefusals(t *testing.T) {
	const good = "63,1,1,145,233,1,2,150,0,2.3,3,0,6,0\n"
	for content, code := range map[string]fault.Code{
		"":              fault.InputEmpty,
		"63,1,1,145\n":  fault.InputMalformed,
		good + "\"63,1": fault.InputMalformed,
		"age,sex,cp,chol,trestbps,fbs,restecg,thalach,exang,oldpeak,slope,ca,thal,num\n" + good: fault.InputMalformed,
		strings.Replace(good, "63", "x", 1):                                                     fault.InputMalformed,
		strings.Replace(good, "63", "NaN", 1):                                                   fault.InputNotFinite,
		strings.Replace(good, "63", "1e999", 1):                                                 fault.InputNotFinite,
		strings.Replace(good, "63", "1063", 1):                                                  fault.InputRange,
		strings.Replace(good, "63,1,1,", "63,1,1.5,", 1):                                        fault.InputRange,
		strings.Repeat(good, maxRows+1):                                                         fault.InputTooLarge,
		strings.Repeat("?,1,1,1,1,1,1,1,1,1,1,1,1,1\n", 3):                                      fault.InputEmpty,
	} {
		if _, err := readRows(strings.NewReader(content), "va"); fault.CodeOf(err) != code {
			t.Errorf("%.40q: %v, want %s", content, err, code)
		}
	}
	if _, err := Open(t.TempDir(), Options{Centre: "va"}); fault.CodeOf(err) != fault.DataMissing {
		t.Errorf("an empty folder: %v", err)
	}
	for _, o := range []Options{{}, {Centre: "basel"}, {Centre: "va", Validation: 1}, {Centre: "va", Validation: math.NaN()}} {
		if _, err := Generate(0, o); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := Pooled(t.TempDir(), Options{Centre: "va"}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("pooled with a centre: %v", err)
	}
}

// UCI's own file has no header.
func TestWithoutHeader(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	for i := range 9 {
		b.WriteString("63,1,1,145,233,1,2,150,0,2.3,?,?,?," + string(rune('0'+i%2)) + "\n")
	}
	if err := os.WriteFile(filepath.Join(dir, "processed.va.data"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := Open(dir, Options{Centre: "va"})
	if err != nil || set.Len(dataset.Train)+set.Len(dataset.Validation) != 5 || set.Len(dataset.Test) != 4 {
		t.Fatalf("%+v %v", set, err)
	}
}

func FuzzRows(f *testing.F) {
	f.Add("age,sex,cp,trestbps,chol,fbs,restecg,thalach,exang,oldpeak,slope,ca,thal,num\n63,1,1,145,233,1,2,150,0,2.3,3,0,6,0\n32,1,1,95,0,,0,127,0,.7,1,,,1\n")
	f.Add("\ufeffage\n")
	f.Add("63,1,1,145,233,1,2,0x1p3,0,2.3,3,0,6,0\n")
	f.Fuzz(func(t *testing.T, content string) {
		rows, err := readRows(strings.NewReader(content), "va")
		if err != nil {
			return
		}
		set, err := newSet(rows, Options{Centre: "va"}, "va", false)
		if err != nil {
			return
		}
		into := make([]float32, set.Info().Size())
		n := 0
		for _, split := range dataset.Splits {
			for i := range set.Len(split) {
				if _, err := set.Read(split, i, into); err != nil {
					t.Fatal(err)
				}
				for _, v := range into {
					if !(math.Abs(float64(v)) <= 15) {
						t.Fatalf("value %v", v)
					}
				}
				n++
			}
		}
		if n != len(rows) {
			t.Fatalf("%d rows were dealt, %d read", n, len(rows))
		}
	})
}
