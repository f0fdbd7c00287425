package edge

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"consilium/clinical"
	"consilium/deid"
	"consilium/dicom"
	"consilium/engine"
	"consilium/fault"
	"consilium/federation/room"
	"consilium/panel/paneltest"
	"consilium/registry"
)

// film is a grey picture of one brightness.
func film(level uint8) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, 28, 28))
	for i := range img.Pix {
		img.Pix[i] = level
	}
	img.Set(3, 4, color.Gray{Y: 17})
	return img
}

func pngOf(t *testing.T, level uint8) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, film(level)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withText puts a text chunk behind the header of a PNG, as cameras and exports do.
func withText(picture []byte, text string) []byte {
	const header = 8 + 25
	chunk := append([]byte("tEXtComment\x00"), text...)
	out := append([]byte{}, picture[:header]...)
	out = binary.BigEndian.AppendUint32(out, uint32(len(chunk)-4))
	out = append(out, chunk...)
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(chunk))
	return append(out, picture[header:]...)
}

func one(name string, body []byte) Case {
	return Case{ID: "x", Name: "Erika Mustermann.png", Files: []File{{name, body}}}
}

func stripper(t *testing.T) Prepare {
	p, err := Strip(deid.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOfAPictureOnlyPixelsLeave(t *testing.T) {
	const name = "Erika Mustermann"
	body := withText(pngOf(t, 200), name)
	if !bytes.Contains(body, []byte(name)) {
		t.Fatal("the test has no text to find")
	}
	c, err := stripper(t)(one(name+".png", body))
	if err != nil {
		t.Fatal(err)
	}
	wire, err := c.Encode()
	if err != nil || bytes.Contains(wire, []byte("Mustermann")) || c.Files[0].Name != "case.png" {
		t.Fatalf("%q %v", wire, err)
	}
	got, err := png.Decode(bytes.NewReader(c.Files[0].Body))
	if err != nil || !bytes.Equal(got.(*image.Gray).Pix, film(200).Pix) {
		t.Fatal("the pixels changed", err)
	}
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, film(90), nil); err != nil {
		t.Fatal(err)
	}
	want, _ := jpeg.Decode(bytes.NewReader(photo.Bytes()))
	c, err = stripper(t)(one("a.jpg", photo.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	got, err = png.Decode(bytes.NewReader(c.Files[0].Body))
	if err != nil || got.Bounds() != want.Bounds() {
		t.Fatal("another size", err)
	}
	for y := range 28 {
		for x := range 28 {
			if got.At(x, y) != want.At(x, y) {
				t.Fatal("the pixels of the JPEG changed at", x, y)
			}
		}
	}
}

func TestDICOMLeavesWithoutThePatient(t *testing.T) {
	o := dicom.New("")
	for _, x := range []struct {
		tag   dicom.Tag
		value any
	}{
		{dicom.SOPClassUID, "1.2.840.10008.5.1.4.1.1.1"}, {dicom.SOPInstanceUID, "1.2.3.4"}, {dicom.StudyInstanceUID, "1.2.3"}, {dicom.SeriesInstanceUID, "1.2.3.5"},
		{dicom.PatientName, "Mustermann^Erika"}, {dicom.PatientID, "4711"}, {dicom.Modality, "CR"}, {dicom.BodyPartExamined, "CHEST"},
		{dicom.BurnedInAnnotation, "NO"},
	} {
		if err := o.Set(x.tag, x.value); err != nil {
			t.Fatal(err)
		}
	}
	var raw bytes.Buffer
	if err := o.Write(&raw); err != nil {
		t.Fatal(err)
	}
	c, err := stripper(t)(one("im1", raw.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(c.Files[0].Body, []byte("Mustermann")) || bytes.Contains(c.Files[0].Body, []byte("4711")) || c.Files[0].Name != "case.dcm" {
		t.Fatalf("%q", c.Files[0])
	}
	clean, err := dicom.ParseObject(bytes.NewReader(c.Files[0].Body), "x")
	if err != nil || clean.Text(dicom.Modality) != "CR" {
		t.Fatal("the modality went too", err)
	}
}

func TestWhatIsNotHandedOver(t *testing.T) {
	two := one("a.png", pngOf(t, 1))
	two.Files = append(two.Files, two.Files[0])
	bomb := pngOf(t, 1)
	copy(bomb[16:], []byte{0, 1, 0, 0, 0, 1, 0, 0})
	binary.BigEndian.PutUint32(bomb[29:], crc32.ChecksumIEEE(bomb[12:29]))
	for name, x := range map[string]struct {
		c    Case
		code fault.Code
	}{
		"a sound":            {one("a.wav", []byte("RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00")), fault.DeidRefused},
		"several files":      {two, fault.DeidRefused},
		"a text":             {one("a.txt", []byte("Erika Mustermann, born 1964")), fault.InputUnknown},
		"a truncated PNG":    {one("a.png", pngOf(t, 1)[:60]), fault.InputMalformed},
		"a PNG of 4 Gpixels": {one("a.png", bomb), fault.InputTooLarge},
	} {
		_, err := stripper(t)(x.c)
		if fault.CodeOf(err) != x.code {
			t.Errorf("%s: %v, want %s", name, err, x.code)
		}
	}
}

// The whole way with real models: files in a folder, the panel of `diagnose`, the hub's panel, a cut link.
func TestFolderPanelHub(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "films")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	seat := func(tmp string) *Panel {
		p, err := NewPanel([]*registry.Bundle{paneltest.Film()}, engine.Options{Backend: "go"}, filepath.Join(dir, tmp), 1)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		return p
	}
	w := newWorld(t, dir, Options{Diagnose: seat("at-site").Diagnose, Policy: Policy{HandOver: true}}, seat("at-hub").Diagnose)
	w.start()
	defer w.close()
	var err error
	if w.desk.o.Prepare, err = Strip(w.desk.secret); err != nil {
		t.Fatal(err)
	}
	put := func(name string, body []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("bright.png", pngOf(t, 230))
	put("dark.png", pngOf(t, 20))
	put("between.png", pngOf(t, 128))
	put("broken.png", pngOf(t, 128)[:70])
	put("notes.txt", []byte("not an input"))
	look := NewWatcher(w.desk, folder)
	if fresh, left, err := look.Look(t.Context()); fresh != 0 || left != 4 || err != nil {
		t.Fatal("taken at first sight", fresh, left, err)
	}
	put("dark.png", withText(pngOf(t, 20), "still being written"))
	if fresh, left, err := look.Look(t.Context()); fresh != 3 || left != 1 || err != nil {
		t.Fatal(fresh, left, err)
	}
	if fresh, left, err := look.Look(t.Context()); fresh != 1 || left != 0 || err != nil {
		t.Fatal(fresh, left, err)
	}
	w.until("every answer", func(d *Desk) bool { return d.tally.done == 4 && quiet(d) })
	w.hears("every result", func() bool { return len(w.atHub) == 4 })
	byName := map[string]Result{}
	for _, r := range w.told {
		byName[r.Name] = r
	}
	if r := byName["bright.png"]; r.State != StateLocal || r.Local.Findings[0].Label() != "bright" {
		t.Errorf("%+v", r)
	}
	if r := byName["dark.png"]; r.State != StateLocal || r.Local.Findings[0].Label() != "normal" {
		t.Errorf("%+v", r)
	}
	if r := byName["between.png"]; r.State != StateSeconded || r.Local.Findings[0].Verdict != clinical.VerdictCannotTell || r.Second.Findings[0].Top() != r.Local.Findings[0].Top() {
		t.Errorf("%+v", r)
	}
	if r := byName["broken.png"]; len(r.Local.Findings) != 0 || r.Local.Refusals[0] != fault.InputTruncated && r.Local.Refusals[0] != fault.InputMalformed {
		t.Errorf("%+v", r)
	}
	w.end()
	w.start()
	again := NewWatcher(w.desk, folder)
	for range 2 {
		if fresh, _, err := again.Look(t.Context()); fresh != 0 || err != nil {
			t.Fatal("a restart repeats", fresh, err)
		}
	}
	for _, tmp := range []string{"at-site", "at-hub"} {
		if n := count(t, filepath.Join(dir, tmp)); n != 0 {
			t.Errorf("%d files are left in %s", n, tmp)
		}
	}
	if _, _, err := NewWatcher(w.desk, filepath.Join(dir, "gone")).Look(t.Context()); fault.CodeOf(err) != fault.InputMissing {
		t.Error(err)
	}
}

// What the hub gets of a case that is not handed over names nobody.
func TestSummariesNameNobody(t *testing.T) {
	r, err := room.New("north")
	if err != nil {
		t.Fatal(err)
	}
	d, err := Open(Options{Dir: t.TempDir(), Diagnose: siteSays, Link: r.Site("north")})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	id, _, err := d.Submit(ctx, Case{Name: "Mustermann.png", Files: []File{{"Mustermann.png", []byte{1, 2, 3}}}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Hub().Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-ended
	s, err := DecodeSummary(m.Body)
	if err != nil || s.Case == id || s.Case != d.pseudonym(id) || s.By != "site" {
		t.Fatalf("%+v %v", s, err)
	}
	for _, secret := range []string{"Mustermann", id, time.Now().Format("2006")} {
		if strings.Contains(string(m.Body), secret) || strings.Contains(m.ID, secret) {
			t.Errorf("%q is in %s %s", secret, m.ID, m.Body)
		}
	}
}
