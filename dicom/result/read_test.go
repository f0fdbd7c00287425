package result

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"consilium/clinical"
	"consilium/dataset/settest"
	"consilium/dicom"
	"consilium/fault"
)

// asRead is a finding as a report can hold it: labels in the coding scheme that
// they were written in, regions within the image, nothing that is not stored.
func asRead(f Finding, source *dicom.Object) Finding {
	f.Input, f.Synthetic, f.Pictures = "", false, nil
	outcomes := append([]clinical.Outcome(nil), f.Outcomes...)
	for i, o := range outcomes {
		if c := codeOf(o.Concept); c.Scheme == "SCT" {
			outcomes[i].Concept = clinical.Concept{Name: c.Meaning, Code: c.Value, System: "SNOMED CT"}
		}
	}
	f.Outcomes = outcomes
	rows, columns := size(source)
	var regions []clinical.Region
	for _, r := range f.Regions {
		if r.X < float64(columns) && r.Y < float64(rows) {
			r.Width, r.Height = min(r.Width, float64(columns)-r.X), min(r.Height, float64(rows)-r.Y)
			regions = append(regions, r)
		}
	}
	f.Regions = regions
	if r := f.Review; r != nil {
		by := *r
		by.By = personAs(r.By)
		f.Review = &by
	}
	return f
}

func TestReadSRGivesBackWhatSRWrote(t *testing.T) {
	for name, list := range sources(t) {
		t.Run(name, func(t *testing.T) {
			in := about(list)
			unsigned, err := SR(in)
			if err != nil {
				t.Fatal(err)
			}
			in = reviewed(in, unsigned)
			signed, err := SR(in)
			if err != nil {
				t.Fatal(err)
			}
			o, err := dicom.ParseObject(bytes.NewReader(write(t, signed)), "signed.dcm")
			if err != nil {
				t.Fatal(err)
			}
			r, err := ReadSR(o)
			if err != nil {
				t.Fatal(err)
			}
			var want []Finding
			for _, f := range in.Findings {
				want = append(want, asRead(f, in.source(f.Sources[0])))
			}
			same := cmp.Options{cmpopts.EquateApprox(0, 1e-9), cmpopts.EquateEmpty(), cmp.Comparer(time.Time.Equal)}
			if d := cmp.Diff(want, r.Findings, same); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(in.Signature, r.Signature, same); d != "" || !r.Verified || !r.Complete {
				t.Error(d, r.Verified, r.Complete)
			}
			if r.Predecessor == nil || r.Predecessor.SOP != unsigned.IDs().SOP {
				t.Errorf("predecessor %v", r.Predecessor)
			}
			if len(r.Sources) != len(list) {
				t.Errorf("%d sources", len(r.Sources))
			}
		})
	}
}

func TestAnySRReadsBack(t *testing.T) {
	list := sources(t)["CT"]
	rapid.Check(t, func(t *rapid.T) {
		share := rapid.Float64Range(0, 1)
		label := rapid.StringMatching(`[^\\\x00-\x1f\x7f-\x9f]{1,40}`).Filter(func(s string) bool { return short(s, 64) == s })
		in := about(list)
		f := &in.Findings[1]
		f.Outcomes = nil
		seen := map[string]bool{}
		for range rapid.IntRange(1, 6).Draw(t, "outcomes") {
			o := clinical.Outcome{Concept: clinical.Concept{Name: label.Draw(t, "label")}, Probability: share.Draw(t, "p"), InSet: rapid.Bool().Draw(t, "in")}
			if c := codeOf(o.Concept); !seen[c.Value] {
				seen[c.Value] = true
				f.Outcomes = append(f.Outcomes, o)
			}
		}
		f.Coverage = share.Draw(t, "coverage")
		o, err := SR(in)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := o.Write(&b); err != nil {
			t.Fatal(err)
		}
		back, err := dicom.ParseObject(&b, "report.dcm")
		if err != nil {
			t.Fatal(err)
		}
		r, err := ReadSR(back)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(asRead(*f, list[0]).Outcomes, r.Findings[1].Outcomes, cmpopts.EquateApprox(0, 1e-9)); d != "" {
			t.Fatal(d)
		}
	})
}

func TestReadSROfOthers(t *testing.T) {
	folder := settest.Data(t, "dicom")
	for _, name := range []string{"sr_document.dcm", "sr_document_with_multiple_groups.dcm"} {
		f, err := os.Open(filepath.Join(folder, "highdicom", name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		o, err := dicom.ParseObject(f, name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := ReadSR(o)
		if err != nil {
			t.Fatal(err)
		}
		stated := 0
		for _, f := range r.Findings {
			if f.ID == "" || len(f.Sources) == 0 {
				t.Errorf("%s: %+v", name, f)
			}
			if f.Answer != "" {
				stated++
			}
		}
		if stated == 0 {
			t.Errorf("%s states no finding", name)
		}
	}
}

func TestReadSRRefusesOtherObjects(t *testing.T) {
	if _, err := ReadSR(sources(t)["CR"][0]); fault.CodeOf(err) != fault.InputUnsupported {
		t.Error(err)
	}
}

func FuzzReadSR(f *testing.F) {
	for _, list := range sources(f) {
		in := about(list)
		o, err := SR(in)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(write(f, o))
		if o, err = SR(reviewed(in, o)); err != nil {
			f.Fatal(err)
		}
		f.Add(write(f, o))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := dicom.ParseObject(bytes.NewReader(data), "fuzz")
		if err != nil {
			return
		}
		if _, err := ReadSR(o); err != nil && fault.CodeOf(err) == fault.Internal {
			t.Error(err)
		}
		// What comes in may also be the source of a result.
		in := about([]*dicom.Object{o})
		result, err := SR(in)
		if err == nil {
			write(t, result)
		}
	})
}
