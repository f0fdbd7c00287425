// Package audio reads and writes sound files: WAV and MP3.
//
// WAV is read by a small reader of our own: go-audio/wav allocates whatever a
// hostile header announces and does not read float samples. MP3 is read by
// the package mp3 beside this one: the obtainable Go decoders do not read
// MPEG-2.5, the form of 8 kHz telephone recordings.
package audio

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"consilium/clinical"
	"consilium/dataset/audio/mp3"
	"consilium/fault"
)

// Limits on what is read or written.
const (
	MaxBytes    = 64 << 20 // ten minutes of 48 kHz mono are 58 MB
	MaxSeconds  = 600
	MaxChannels = 8
	MinRate     = 1000   // Hz
	MaxRate     = 384000 // Hz
)

// ReadMP3 reads an MPEG audio Layer III file of any sampling rate from 8 to
// 48 kHz. Samples come in -1..1.
func ReadMP3(path string) (clinical.Recording, error) {
	data, name, err := readFile(path)
	if err != nil {
		return clinical.Recording{}, err
	}
	return DecodeMP3(data, name)
}

// DecodeMP3 reads an MP3 file from memory; name is shown to the user.
func DecodeMP3(data []byte, name string) (rec clinical.Recording, err error) {
	if len(data) == 0 {
		return rec, empty(name)
	}
	// The last line of defence: a defect in the decoder must not end the program.
	defer func() {
		if r := recover(); r != nil {
			err = fault.New(fault.Internal, fmt.Sprintf("%s: the MP3 decoder failed: %v", name, r), "please report it with the file")
		}
	}()
	const fastest = 48000
	sound, err := mp3.Decode(data, MaxSeconds*fastest)
	if err != nil {
		e := fault.Of(err)
		return rec, fault.New(e.Code, name+": "+e.What, e.Do)
	}
	if len(sound.Channels[0]) > MaxSeconds*sound.Rate {
		return rec, tooLarge("%s is longer than %d s", name, MaxSeconds)
	}
	for _, c := range sound.Channels {
		for i, v := range c {
			c[i] = min(max(v, -1), 1) // loud coders overshoot
		}
	}
	return recording(name, "MP3", sound.Rate, sound.Channels), nil
}

// IsMP3 recognises an MP3 file by its first bytes: an ID3v2 tag or a Layer III
// frame header.
func IsMP3(head []byte) bool {
	return len(head) >= 4 && (string(head[:3]) == "ID3" || mp3.IsFrame(head))
}

func recording(name, format string, rate int, samples [][]float32) clinical.Recording {
	rec := clinical.Recording{Source: name, Format: format, Kind: clinical.KindSound, Rate: float64(rate)}
	for i, s := range samples {
		rec.Channels = append(rec.Channels, clinical.Channel{Name: channelName(i, len(samples)), Samples: s})
	}
	return rec
}

func channelName(i, n int) string {
	switch {
	case n == 1:
		return "mono"
	case n == 2 && i == 0:
		return "left"
	case n == 2:
		return "right"
	}
	return fmt.Sprintf("channel %d", i+1)
}

// readFile reads a regular file up to MaxBytes.
func readFile(path string) (data []byte, name string, err error) {
	name = filepath.Base(path)
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("not a regular file")
	}
	if err != nil {
		return nil, name, fault.Wrap(err, fault.InputMissing, "cannot open "+name, "check the path")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, name, fault.Wrap(err, fault.InputMissing, "cannot open "+name, "check the path and its permissions")
	}
	defer f.Close()
	data, err = io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, name, fault.Wrap(err, fault.IO, "cannot read "+name, "check the file")
	}
	if len(data) > MaxBytes {
		return nil, name, tooLarge("%s is larger than %d bytes", name, MaxBytes)
	}
	return data, name, nil
}

// isSynthetic looks for our notice in a comment.
func isSynthetic(comment []byte) bool { return bytes.Contains(comment, []byte("SYNTHETIC DATA")) }

func empty(name string) error {
	return fault.New(fault.InputEmpty, name+" holds no sound", "hand in a recording with sound")
}

func malformed(format string, a ...any) error {
	return fault.New(fault.InputMalformed, "audio: "+fmt.Sprintf(format, a...), "check the file against its source")
}

func tooLarge(format string, a ...any) error {
	return fault.New(fault.InputTooLarge, fmt.Sprintf(format, a...), "cut out the part to be judged")
}
