package mp3

import (
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"consilium/fault"
)

// TestAgainstMpg123 decodes real recordings (8 kHz stereo MPEG-2.5 and 48 kHz
// mono MPEG-1) and compares every sample with the reference decoder mpg123,
// which rounds to 16 bits.
func TestAgainstMpg123(t *testing.T) {
	program, err := exec.LookPath("mpg123")
	if err != nil {
		t.Skip("mpg123 is not installed")
	}
	base := os.Getenv("CONSILIUM_DATA")
	if base == "" {
		base = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	paths, _ := filepath.Glob(filepath.Join(base, "cough_covid", "audio", "*.mp3"))
	if len(paths) == 0 {
		t.Skip("real data are not here")
	}
	const step = 1. / 32768
	for i := 0; i < len(paths); i += 25 {
		name := filepath.Base(paths[i])
		data, err := os.ReadFile(paths[i])
		if err != nil {
			t.Fatal(err)
		}
		sound, err := Decode(data, 1<<24)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want, err := exec.Command(program, "-q", "--no-gapless", "-e", "s16", "-s", paths[i]).Output()
		if err != nil {
			t.Fatal(err)
		}
		n := len(sound.Channels)
		if rate, samples := Length(data); rate != sound.Rate || samples != len(sound.Channels[0]) {
			t.Errorf("%s: length %d at %d Hz, decoded %d", name, samples, rate, len(sound.Channels[0]))
		}
		if len(want) != 2*n*len(sound.Channels[0]) {
			t.Errorf("%s: %d samples, mpg123 has %d", name, len(sound.Channels[0]), len(want)/2/n)
			continue
		}
		for k := range len(want) / 2 {
			ref := float64(int16(binary.LittleEndian.Uint16(want[2*k:]))) * step
			got := min(max(float64(sound.Channels[k%n][k/n]), -1), 1-step)
			if math.Abs(got-ref) > 1.01*step {
				t.Errorf("%s: sample %d = %v, mpg123 has %v", name, k/n, got, ref)
				break
			}
		}
	}
}

func TestCodesAreComplete(t *testing.T) {
	for number, tree := range trees {
		if number == 0 || number == 4 || number == 14 {
			if tree != nil {
				t.Errorf("table %d has a code", number)
			}
			continue
		}
		var walk func(at int16) float64
		walk = func(at int16) float64 {
			if at < 0 {
				return 1
			}
			return walk(tree[at][0])/2 + walk(tree[at][1])/2
		}
		if kraft := walk(0); kraft != 1 {
			t.Errorf("table %d: Kraft sum %v", number, kraft)
		}
	}
}

func TestHeader(t *testing.T) {
	for _, c := range []struct {
		h                        header
		rate, channels, size, gr int
	}{
		{0xfffb9064, 44100, 2, 417, 2}, // MPEG-1, 128 kbit/s
		{0xfffb9264, 44100, 2, 418, 2}, // with padding
		{0xfff384c4, 24000, 1, 192, 1}, // MPEG-2, 64 kbit/s
		{0xffe318c4, 8000, 1, 72, 1},   // MPEG-2.5, 8 kbit/s
	} {
		if !c.h.valid() || c.h.rate() != c.rate || c.h.channels() != c.channels || c.h.frameBytes() != c.size || c.h.granules() != c.gr {
			t.Errorf("%08x: valid %v, %d Hz, %d channels, %d bytes, %d granules", uint32(c.h), c.h.valid(), c.h.rate(), c.h.channels(), c.h.frameBytes(), c.h.granules())
		}
	}
}

// silence is n frames of MPEG-2.5 at 8 kHz, mono, whose side information is zero.
func silence(n int) []byte {
	var out []byte
	for range n {
		frame := make([]byte, 72)
		binary.BigEndian.PutUint32(frame, 0xffe318c4)
		out = append(out, frame...)
	}
	return out
}

func TestEdges(t *testing.T) {
	sound, err := Decode(silence(3), 1<<20)
	if err != nil || sound.Rate != 8000 || len(sound.Channels) != 1 || len(sound.Channels[0]) != 3*lines || sound.Silent != 0 {
		t.Errorf("%d Hz, %v", sound.Rate, err)
	}
	cut := silence(3)
	sound, err = Decode(cut[:len(cut)-1], 1<<20)
	if err != nil || len(sound.Channels[0]) != 2*lines {
		t.Errorf("a frame cut short is left out: %v", err)
	}
	tagged := append([]byte("ID3\x04\x00\x00\x00\x00\x00\x05.....junk"), silence(2)...)
	if sound, err = Decode(tagged, 1<<20); err != nil || len(sound.Channels[0]) != 2*lines {
		t.Errorf("tag and junk are skipped: %v", err)
	}
	broken := silence(2)
	broken[72+4] = 200 // reaches back further than there is data
	if sound, err = Decode(broken, 1<<20); err != nil || sound.Silent != 1 {
		t.Errorf("%d silent frames, %v", sound.Silent, err)
	}
	if _, err = Decode(silence(3), 3*lines-1); fault.CodeOf(err) != fault.InputTooLarge {
		t.Errorf("too long: %v", err)
	}
	for _, data := range [][]byte{nil, []byte("x"), make([]byte, 1000)} {
		if _, err = Decode(data, 1<<20); fault.CodeOf(err) != fault.InputMalformed {
			t.Errorf("no frame: %v", err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(silence(2))
	noisy := silence(3)
	for i := range noisy {
		if i%72 >= 4 {
			noisy[i] = byte(i * 37)
		}
	}
	f.Add(noisy)
	stereo := make([]byte, 2*417)
	for i := range stereo {
		stereo[i] = byte(i * 31)
	}
	binary.BigEndian.PutUint32(stereo, 0xfffb9074)
	binary.BigEndian.PutUint32(stereo[417:], 0xfffb9074)
	f.Add(stereo)
	f.Fuzz(func(t *testing.T, data []byte) {
		sound, err := Decode(data, 1<<20)
		if err != nil {
			return
		}
		for _, c := range sound.Channels {
			for _, v := range c {
				if v != v {
					t.Fatal("NaN")
				}
			}
		}
	})
}

// BenchmarkDecode10s is a 10 s clip at 48 kHz, mono, with content in all lines.
func BenchmarkDecode10s(b *testing.B) {
	frame := make([]byte, 384) // 128 kbit/s at 48 kHz
	for i := range frame {
		frame[i] = byte(i*151 + i*i*13)
	}
	binary.BigEndian.PutUint32(frame, 0xfffb94c4)
	copy(frame[4:], []byte{0, 0, 0}) // no reservoir
	var data []byte
	for range 417 {
		data = append(data, frame...)
	}
	b.ResetTimer()
	for b.Loop() {
		if _, err := Decode(data, 1<<20); err != nil {
			b.Fatal(err)
		}
	}
}
