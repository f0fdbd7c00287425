package dicom

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"consilium/clinical"
	"consilium/dataset/settest"
	"consilium/fault"
	"consilium/signal"
	"pgregory.net/rapid"
)

// TestWaveformAgainstPydicom compares a real 12-lead ECG with pydicom's multiplex_array.
func TestWaveformAgainstPydicom(t *testing.T) {
	python := pydicomOrSkip(t)
	path := filepath.Join(settest.Data(t, "dicom"), "pydicom", "waveform_ecg.dcm")
	o, err := openObject(path)
	if err != nil {
		t.Fatal(err)
	}
	groups, err := o.Waveforms()
	if err != nil {
		t.Fatal(err)
	}
	const script = `import json, sys, pydicom
ds = pydicom.dcmread(sys.argv[1])
print(json.dumps([pydicom.waveforms.multiplex_array(ds, i, as_raw=False).T.tolist() for i in range(len(ds.WaveformSequence))]))`
	out, err := exec.Command(python, "-c", script, path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var theirs [][][]float64
	if err := json.Unmarshal(out, &theirs); err != nil {
		t.Fatal(err)
	}
	if len(theirs) != len(groups) {
		t.Fatalf("%d groups, pydicom %d", len(groups), len(theirs))
	}
	for g, m := range groups {
		for c, ch := range m.Channels {
			for s, v := range ch.Samples {
				if want := theirs[g][c][s] / 1000; math.Abs(float64(v)-want) > 1e-6 { // uV there
					t.Fatalf("group %d %s sample %d: %v mV, pydicom %v", g, ch.Name, s, v, want)
				}
			}
		}
	}
	rec, err := o.Recording()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range rec.Channels {
		names = append(names, c.Name)
	}
	if !reflect.DeepEqual(names, signal.Leads12) || rec.Rate != 1000 || len(rec.Channels[0].Samples) != 10000 || len(rec.Comments) != 1 {
		t.Errorf("%v at %v Hz, %d samples, %q", names, rec.Rate, len(rec.Channels[0].Samples), rec.Comments)
	}
}

// ecg makes a synthetic recording whose values are whole microvolts.
func ecg(samples int, rate float64, names ...string) clinical.Recording {
	rec := clinical.Recording{Kind: clinical.KindECG, Rate: rate, Synthetic: true, Patient: clinical.Patient{ID: "synthetic-1", Sex: "F", Age: "45", Synthetic: true}}
	for i, name := range names {
		c := clinical.Channel{Name: name, Unit: "mV", Samples: make([]float32, samples)}
		for s := range c.Samples {
			c.Samples[s] = float32(math.Round(1000*math.Sin(float64(s*(i+1))/50)) / 1000)
		}
		rec.Channels = append(rec.Channels, c)
	}
	return rec
}

func sound(samples int, rate float64, names ...string) clinical.Recording {
	rec := ecg(samples, rate, names...)
	rec.Kind = clinical.KindSound
	for i := range rec.Channels {
		rec.Channels[i].Unit = ""
		for s := range rec.Channels[i].Samples {
			rec.Channels[i].Samples[s] *= 0.5
		}
	}
	return rec
}

var made = time.Date(2026, 11, 23, 15, 4, 5, 0, time.UTC)

// TestMadeObjectsAreAccepted: the DICOM validator finds no error in what is
// written, and names the IOD that was meant.
func TestMadeObjectsAreAccepted(t *testing.T) {
	grey := image.NewGray(image.Rect(0, 0, 33, 31))
	colour := image.NewNRGBA(image.Rect(0, 0, 33, 31))
	colour.Set(3, 4, color.NRGBA{200, 100, 50, 255})
	origin := Origin{Made: made, StudyDescription: "Test", Synthetic: true, Patient: clinical.Patient{ID: "synthetic-1", Sex: "F", Age: "45"}, PatientName: "SYNTHETIC^Zoë", SeriesNumber: 2, Number: 3, Accession: "A1"}
	for name, c := range map[string]struct {
		iod   string
		write func(b *bytes.Buffer) error
	}{
		"12-lead":    {"TwelveLeadECG", func(b *bytes.Buffer) error { return WriteECG(b, ecg(5000, 500, signal.Leads12...), origin) }},
		"general":    {"GeneralECG", func(b *bytes.Buffer) error { return WriteECG(b, ecg(20000, 500, "I", "II"), origin) }},
		"ambulatory": {"AmbulatoryECG", func(b *bytes.Buffer) error { return WriteECG(b, ecg(9000, 128, "MLII", "V5"), origin) }},
		"sound":      {"GeneralAudio", func(b *bytes.Buffer) error { return WriteSound(b, sound(8000, 8000, "left", "right"), origin) }},
		"grey":       {"SCImage", func(b *bytes.Buffer) error { return WriteSecondaryCapture(b, grey, Capture{}, origin) }},
		"grey 16": {"SCImage", func(b *bytes.Buffer) error {
			return WriteSecondaryCapture(b, image.NewGray16(grey.Rect), Capture{Conversion: "DI"}, origin)
		}},
		"colour": {"SCImage", func(b *bytes.Buffer) error {
			return WriteSecondaryCapture(b, colour, Capture{BurnedIn: true, Derivation: "a heat map"}, Origin{Made: made})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := c.write(&b); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "made.dcm")
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			o, err := ParseObject(&b, name)
			if err != nil {
				t.Fatal(err)
			}
			if name != "colour" && !o.Synthetic() {
				t.Error("it does not say that it is synthetic")
			}
			if dump := run(t, "dcmdump", path); strings.Contains(dump, "W:") || strings.Contains(dump, "E:") {
				t.Error(dump)
			}
			report := run(t, "dciodvfy", path)
			if strings.Contains(report, "Information Object Not found") {
				t.Skip("this dciodvfy does not know the SOP class")
			}
			if strings.Contains(report, "Error") || !strings.Contains(report, c.iod) {
				t.Error(report)
			}
		})
	}
}

func TestECGRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rec := ecg(rapid.IntRange(1, 300).Draw(t, "samples"), rapid.SampledFrom([]float64{100, 250, 500, 1000}).Draw(t, "rate"), signal.Leads12[:rapid.IntRange(1, 12).Draw(t, "leads")]...)
		var b bytes.Buffer
		if err := WriteECG(&b, rec, Origin{Made: made}); err != nil {
			t.Fatal(err)
		}
		o, err := ParseObject(&b, "ecg")
		if err != nil {
			t.Fatal(err)
		}
		back, err := o.Recording()
		if err != nil {
			t.Fatal(err)
		}
		if back.Rate != rec.Rate || back.Kind != rec.Kind || !back.Synthetic || back.Patient.ID != "synthetic-1" || back.Patient.Age != "045Y" || len(back.Channels) != len(rec.Channels) {
			t.Fatalf("%+v", back)
		}
		for i, c := range rec.Channels {
			if back.Channels[i].Name != c.Name || back.Channels[i].Unit != "mV" {
				t.Fatalf("%s %s", back.Channels[i].Name, back.Channels[i].Unit)
			}
			for s, v := range c.Samples {
				if math.Abs(float64(back.Channels[i].Samples[s]-v)) > 1e-6 {
					t.Fatalf("%s %d: %v, want %v", c.Name, s, back.Channels[i].Samples[s], v)
				}
			}
		}
	})
}

func TestSoundRoundTrip(t *testing.T) {
	rec := sound(48000, 48000, "left")
	o, err := NewSound(rec, Origin{Made: made})
	if err != nil {
		t.Fatal(err)
	}
	back, err := o.Recording()
	if err != nil {
		t.Fatal(err)
	}
	if back.Rate != 44100 || len(back.Channels[0].Samples) != 44100 || back.Kind != clinical.KindSound {
		t.Errorf("%v Hz, %d samples", back.Rate, len(back.Channels[0].Samples))
	}
	for s := 1000; s < 43000; s += 100 {
		want := 0.5 * math.Sin(float64(s)*48000/44100/50)
		if got := float64(back.Channels[0].Samples[s]); math.Abs(got-want) > 2e-3 {
			t.Fatalf("sample %d: %v, want %v", s, got, want)
		}
	}
	again, err := NewSound(rec, Origin{Made: made})
	if err != nil || again.IDs() != o.IDs() {
		t.Error("the same sound gives other UIDs")
	}
}

// TestG711 compares mu-law and A-law with ITU-T G.711 tables 1a to 2b.
func TestG711(t *testing.T) {
	for b, want := range map[byte]float64{0x80: 32124, 0x00: -32124, 0xff: 0, 0x7f: 0, 0xfe: 8, 0xef: 132, 0x8f: 16764} {
		if got := muLaw(b); got != want {
			t.Errorf("mu-law %#x: %v, want %v", b, got, want)
		}
	}
	for b, want := range map[byte]float64{0xaa: 32256, 0x2a: -32256, 0xd5: 8, 0x55: -8, 0xd4: 24, 0xc5: 264, 0xf5: 528} {
		if got := aLaw(b); got != want {
			t.Errorf("A-law %#x: %v, want %v", b, got, want)
		}
	}
}

// waveform makes an object with one channel of the given samples.
func waveform(class, kind string, width int, data []byte, more ...attribute) *Object {
	o, group := New(""), New("")
	_ = o.setAll([]attribute{{SOPClassUID, list(class)}, {SOPInstanceUID, list("1.2.3")}})
	_ = group.setAll([]attribute{{NumberOfWaveformChannels, list(1)}, {NumberOfWaveformSamples, list(len(data) / width)}, {SamplingFrequency, list(100)}, {WaveformSampleInterpretation, list(kind)}, {WaveformData, list(data)}})
	channel := New("")
	for _, a := range more {
		if a.tag.Group() == 0x5400 {
			_ = group.Set(a.tag, a.values...)
		} else {
			_ = channel.Set(a.tag, a.values...)
		}
	}
	_ = group.SetItems(ChannelDefinitionSequence, channel)
	_ = o.SetItems(WaveformSequence, group)
	return o
}

func TestWaveformInterpretations(t *testing.T) {
	for _, c := range []struct {
		name string
		o    *Object
		want []float32
	}{
		{"unsigned bytes", waveform(basicVoiceAudio, "UB", 1, []byte{0, 128, 192, 255}), []float32{-1, 0, 0.5, 0.9921875}},
		{"signed bytes", waveform(generalAudio, "SB", 1, []byte{0x80, 0, 0x40, 0x7f}), []float32{-1, 0, 0.5, 0.9921875}},
		{"mu-law", waveform(basicVoiceAudio, "MB", 1, []byte{0x80, 0xff}), []float32{32124. / 32768, 0}},
		{"A-law", waveform(basicVoiceAudio, "AB", 1, []byte{0xaa, 0x2a}), []float32{32256. / 32768, -32256. / 32768}},
		{"unsigned words", waveform(generalAudio, "US", 2, []byte{0, 0, 0, 0x80}), []float32{-1, 0}},
		{"signed words in volts", waveform(generalECG, "SS", 2, []byte{1, 0, 0xff, 0xff}, attribute{ChannelSensitivity, list(2.5)}, attribute{ChannelBaseline, list(10)}, attribute{ChannelSensitivityCorrectionFactor, list(2)}), []float32{15, 5}},
		{"padding", waveform(generalECG, "SS", 2, []byte{1, 0, 0, 0x80}, attribute{ChannelSensitivity, list(1)}, attribute{WaveformPaddingValue, list([]byte{0, 0x80})}), []float32{1, 0}},
	} {
		rec, err := c.o.Recording()
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !reflect.DeepEqual(rec.Channels[0].Samples, c.want) {
			t.Errorf("%s: %v, want %v", c.name, rec.Channels[0].Samples, c.want)
		}
	}
}

func TestWaveformRefusals(t *testing.T) {
	short := waveform(generalECG, "SS", 2, []byte{1, 0})
	_ = short.Item(WaveformSequence).Set(NumberOfWaveformSamples, 1000)
	huge := waveform(generalECG, "SS", 2, []byte{1, 0})
	_ = huge.Item(WaveformSequence).Set(NumberOfWaveformSamples, math.MaxUint32)
	still := waveform(generalECG, "SS", 2, []byte{1, 0})
	_ = still.Item(WaveformSequence).Set(SamplingFrequency, 0)
	for name, c := range map[string]struct {
		o    *Object
		code fault.Code
	}{
		"no waveform":    {New(""), fault.InputUnsupported},
		"blood pressure": {waveform("1.2.840.10008.5.1.4.1.1.9.2.1", "SS", 2, []byte{1, 0}), fault.InputUnsupported},
		"kind":           {waveform(generalECG, "XX", 2, []byte{1, 0}), fault.InputUnsupported},
		"short":          {short, fault.InputTruncated},
		"huge":           {huge, fault.InputTruncated},
		"no rate":        {still, fault.InputRate},
	} {
		if _, err := c.o.Recording(); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	nan := ecg(10, 500, "I")
	nan.Channels[0].Samples[3] = float32(math.NaN())
	for name, c := range map[string]struct {
		err  error
		code fault.Code
	}{
		"NaN":       {WriteECG(&bytes.Buffer{}, nan, Origin{}), fault.InputNotFinite},
		"too fast":  {WriteECG(&bytes.Buffer{}, ecg(10, 5000, "I"), Origin{}), fault.InputRate},
		"a sound":   {WriteECG(&bytes.Buffer{}, sound(10, 500, "I"), Origin{}), fault.Usage},
		"an ECG":    {WriteSound(&bytes.Buffer{}, ecg(10, 500, "I"), Origin{}), fault.Usage},
		"no pixels": {WriteSecondaryCapture(&bytes.Buffer{}, image.NewGray(image.Rect(0, 0, 0, 5)), Capture{}, Origin{}), fault.Usage},
	} {
		if fault.CodeOf(c.err) != c.code {
			t.Errorf("%s: %v, want %s", name, c.err, c.code)
		}
	}
}

// TestCaptureReadsBack: a picture comes back as it was.
func TestCaptureReadsBack(t *testing.T) {
	img := image.NewNRGBA(image.Rect(5, 7, 9, 10))
	for i := range img.Pix {
		img.Pix[i] = uint8(i * 7)
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	o, err := NewSecondaryCapture(img, Capture{}, Origin{Made: made})
	if err != nil {
		t.Fatal(err)
	}
	back, err := o.Render(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(back.(*image.NRGBA).Pix), fmt.Sprint(img.Pix); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
