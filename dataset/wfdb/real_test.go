package wfdb_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"consilium/clinical"
	"consilium/dataset/wfdb"
)

// dataFolder finds the real data sets, or skips.
func dataFolder(t *testing.T, name string) string {
	t.Helper()
	base := os.Getenv("CONSILIUM_DATA")
	if base == "" {
		base = filepath.Join("..", "..", "..", "shared", "data")
	}
	dir := filepath.Join(base, name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("real data are not here: %v", err)
	}
	return dir
}

func TestReadsEveryRealRecord(t *testing.T) {
	for _, set := range []struct {
		name    string
		records int
	}{{"ecg_12lead", 40}, {"ecg_af_2lead", 18}, {"ecg_wfdb_samples", 3}} {
		paths, _ := filepath.Glob(filepath.Join(dataFolder(t, set.name), "*.hea"))
		if len(paths) != set.records {
			t.Errorf("%s: %d headers, want %d", set.name, len(paths), set.records)
		}
		for _, path := range paths {
			rec, err := wfdb.Read(path) // verifies first samples and checksums
			if err != nil {
				t.Error(err)
				continue
			}
			for _, c := range rec.Channels {
				for i, v := range c.Samples {
					if math.IsInf(float64(v), 0) || math.Abs(float64(v)) > 1e3 {
						t.Fatalf("%s %s[%d] = %v", path, c.Name, i, v)
					}
				}
			}
		}
	}
}

func TestRecord100(t *testing.T) {
	dir := dataFolder(t, "ecg_wfdb_samples")
	for _, name := range []string{"100.hea", "100.dat", "100"} {
		rec, err := wfdb.Read(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if rec.Rate != 360 || len(rec.Channels) != 2 || len(rec.Channels[0].Samples) != 650000 {
			t.Fatalf("%v Hz, %d channels", rec.Rate, len(rec.Channels))
		}
		if c := rec.Channels[0]; c.Name != "MLII" || c.Unit != "mV" || c.Samples[0] != float32(995-1024)/200 {
			t.Errorf("channel %s in %s starts with %v", c.Name, c.Unit, c.Samples[0])
		}
		counts := map[string]int{}
		for _, a := range rec.Annotations {
			counts[a.Symbol]++
		}
		want := map[string]int{"N": 2239, "A": 33, "V": 1, "+": 1}
		for symbol, n := range want {
			if counts[symbol] != n {
				t.Errorf("%d annotations %q, want %d", counts[symbol], symbol, n)
			}
		}
		if len(rec.Annotations) != 2274 {
			t.Errorf("%d annotations, want 2274", len(rec.Annotations))
		}
		if first := (clinical.Annotation{Sample: 18, Symbol: "+", Note: "(N"}); rec.Annotations[0] != first {
			t.Errorf("first annotation %+v", rec.Annotations[0])
		}
	}
}

func TestFifteenLeadsFromTwoFiles(t *testing.T) {
	rec, err := wfdb.Read(filepath.Join(dataFolder(t, "ecg_wfdb_samples"), "s0010_re.hea"))
	if err != nil {
		t.Fatal(err)
	}
	if len(rec.Channels) != 15 || rec.Channels[14].Name != "vz" {
		t.Fatalf("%d channels", len(rec.Channels))
	}
	if got := rec.Channels[12].Samples[0]; got != float32(-3.0/2000) {
		t.Errorf("vx starts with %v", got)
	}
	if rec.Patient.Age != "81" || rec.Patient.Sex != "F" {
		t.Errorf("patient %+v", rec.Patient)
	}
}
