package audio_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"consilium/clinical"
	"consilium/dataset/audio"
	"consilium/fault"
	"pgregory.net/rapid"
)

// wav builds a file from a format chunk's fields and sample bytes.
func wav(tag, channels, bits int, samples string) []byte {
	le := binary.LittleEndian
	block := channels * bits / 8
	b := le.AppendUint32([]byte("RIFF"), uint32(36+len(samples)))
	b = append(b, "WAVEfmt \x10\x00\x00\x00"...)
	b = le.AppendUint16(le.AppendUint16(b, uint16(tag)), uint16(channels))
	b = le.AppendUint32(le.AppendUint32(b, 8000), uint32(8000*block))
	b = le.AppendUint16(le.AppendUint16(b, uint16(block)), uint16(bits))
	b = le.AppendUint32(append(b, "data"...), uint32(len(samples)))
	return append(b, samples...)
}

func float(v ...float32) string {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return string(b)
}

func TestWAVFormats(t *testing.T) {
	extensible := wav(0xfffe, 1, 16, "\x00\x40\x00\xc0")
	extra := "\x16\x00\x10\x00\x04\x00\x00\x00\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
	extensible = append(extensible[:36:36], append([]byte(extra), extensible[36:]...)...)
	extensible[16] = 40
	unfinished := wav(1, 1, 16, "\x00\x40\x00\xc0")
	binary.LittleEndian.PutUint32(unfinished[40:], math.MaxUint32)
	for _, c := range []struct {
		name string
		data []byte
		want [][]float32
	}{
		{"8 bits are unsigned", wav(1, 1, 8, "\xc0\x40"), [][]float32{{0.5, -0.5}}},
		{"16 bits", wav(1, 1, 16, "\x00\x40\x00\xc0"), [][]float32{{0.5, -0.5}}},
		{"24 bits", wav(1, 1, 24, "\x00\x00\x40\x00\x00\xc0"), [][]float32{{0.5, -0.5}}},
		{"32 bits", wav(1, 1, 32, "\x00\x00\x00\x40\x00\x00\x00\xc0"), [][]float32{{0.5, -0.5}}},
		{"float", wav(3, 1, 32, float(0.5, -1.25)), [][]float32{{0.5, -1}}},
		{"stereo", wav(1, 2, 16, "\x00\x40\x00\xc0"), [][]float32{{0.5}, {-0.5}}},
		{"extensible", extensible, [][]float32{{0.5, -0.5}}},
		{"length never filled in", unfinished, [][]float32{{0.5, -0.5}}},
	} {
		rec, err := audio.DecodeWAV(c.data, c.name)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if rec.Rate != 8000 || rec.Kind != clinical.KindSound || len(rec.Channels) != len(c.want) {
			t.Errorf("%s: %+v", c.name, rec)
			continue
		}
		for i, want := range c.want {
			for k, v := range want {
				if rec.Channels[i].Samples[k] != v {
					t.Errorf("%s: channel %d sample %d = %v, want %v", c.name, i, k, rec.Channels[i].Samples[k], v)
				}
			}
		}
	}
}

func TestWAVRefusals(t *testing.T) {
	good := wav(1, 1, 16, "\x00\x40\x00\xc0")
	edit := func(at int, b ...byte) []byte {
		c := bytes.Clone(good)
		copy(c[at:], b)
		return c
	}
	for _, c := range []struct {
		name string
		data []byte
		code fault.Code
	}{
		{"empty", nil, fault.InputEmpty},
		{"not RIFF", []byte("hello, this is text"), fault.InputMalformed},
		{"cut in the samples", good[:len(good)-1], fault.InputTruncated},
		{"cut in the format", good[:30], fault.InputTruncated},
		{"no samples", wav(1, 1, 16, ""), fault.InputEmpty},
		{"samples before format", append(bytes.Clone(good[:12]), good[36:]...), fault.InputMalformed},
		{"no channels", wav(1, 0, 16, "\x00\x40"), fault.InputMalformed},
		{"many channels", wav(1, 9, 16, "\x00\x40"), fault.InputTooLarge},
		{"A-law", wav(6, 1, 8, "\x00\x40"), fault.InputUnsupported},
		{"12 bits", wav(1, 1, 12, "\x00\x40"), fault.InputUnsupported},
		{"wrong block", edit(32, 4), fault.InputMalformed},
		{"rate of 1 Hz", edit(24, 1, 0), fault.InputRate},
		{"rate of 4 GHz", edit(24, 0, 0, 0, 0xff), fault.InputRate},
		{"NaN", wav(3, 1, 32, float(float32(math.NaN()))), fault.InputNotFinite},
		{"other scale", wav(3, 1, 32, float(32000)), fault.InputRange},
		{"too long", wav(1, 1, 8, string(make([]byte, 8000*audio.MaxSeconds+1))), fault.InputTooLarge},
	} {
		if _, err := audio.DecodeWAV(c.data, c.name); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", c.name, err, c.code)
		}
	}
	if _, err := audio.ReadWAV(t.TempDir()); fault.CodeOf(err) != fault.InputMissing {
		t.Errorf("a folder: %v", err)
	}
}

func TestWriteThenReadWAV(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cough.wav")
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "samples")
		rec := clinical.Recording{Rate: float64(rapid.IntRange(audio.MinRate, 48000).Draw(t, "rate")), Synthetic: rapid.Bool().Draw(t, "synthetic")}
		for range rapid.IntRange(1, 3).Draw(t, "channels") {
			c := clinical.Channel{Samples: make([]float32, n)}
			for i := range c.Samples {
				c.Samples[i] = rapid.Float32Range(-1, 1).Draw(t, "v")
			}
			rec.Channels = append(rec.Channels, c)
		}
		if err := audio.WriteWAV(path, rec); err != nil {
			t.Fatal(err)
		}
		got, err := audio.ReadWAV(path)
		if err != nil {
			t.Fatal(err)
		}
		if got.Rate != rec.Rate || got.Synthetic != rec.Synthetic || len(got.Channels) != len(rec.Channels) {
			t.Fatalf("%+v", got)
		}
		for i, c := range rec.Channels {
			for k, v := range c.Samples {
				if math.Abs(float64(got.Channels[i].Samples[k]-v)) > 1./32768 {
					t.Fatalf("sample %d = %v, want %v", k, got.Channels[i].Samples[k], v)
				}
			}
		}
	})
}

// TestMP3AgreesWithWAV decodes a real recording by both roads: our MP3
// decoder, and mpg123 into a WAV file that we read.
func TestMP3AgreesWithWAV(t *testing.T) {
	program, err := exec.LookPath("mpg123")
	if err != nil {
		t.Skip("mpg123 is not installed")
	}
	base := os.Getenv("CONSILIUM_DATA")
	if base == "" {
		base = filepath.Join("..", "..", "..", "shared", "data")
	}
	paths, _ := filepath.Glob(filepath.Join(base, "cough_covid", "audio", "*.mp3"))
	if len(paths) == 0 {
		t.Skip("real data are not here")
	}
	mp3, err := audio.ReadMP3(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out.wav")
	if err := exec.Command(program, "-q", "--no-gapless", "-w", out, paths[0]).Run(); err != nil {
		t.Fatal(err)
	}
	wav, err := audio.ReadWAV(out)
	if err != nil {
		t.Fatal(err)
	}
	if wav.Rate != mp3.Rate || len(wav.Channels) != len(mp3.Channels) {
		t.Fatalf("%v Hz and %v Hz", wav.Rate, mp3.Rate)
	}
	for i, v := range wav.Channels[0].Samples {
		if math.Abs(float64(v-mp3.Channels[0].Samples[i])) > 1.01/32768 {
			t.Fatalf("sample %d: %v and %v", i, v, mp3.Channels[0].Samples[i])
		}
	}
}

func TestMP3Refusals(t *testing.T) {
	for _, c := range []struct {
		data string
		code fault.Code
	}{{"", fault.InputEmpty}, {"plain text, no sound", fault.InputMalformed}} {
		if _, err := audio.DecodeMP3([]byte(c.data), "x"); fault.CodeOf(err) != c.code {
			t.Errorf("%q: %v", c.data, err)
		}
	}
}

func FuzzWAV(f *testing.F) {
	f.Add(wav(1, 2, 16, "\x00\x40\x00\xc0"))
	f.Add(wav(3, 1, 32, float(0.5)))
	f.Add(wav(0xfffe, 1, 24, "abc"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rec, err := audio.DecodeWAV(data, "fuzz")
		if err != nil {
			return
		}
		for _, c := range rec.Channels {
			for _, v := range c.Samples {
				if !(v >= -1 && v <= 1) {
					t.Fatalf("sample %v", v)
				}
			}
		}
	})
}
