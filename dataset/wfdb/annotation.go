package wfdb

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	"consilium/clinical"
)

// Pseudo-annotation codes of the MIT format, annot(5).
const (
	codeSkip  = 59 // the next four bytes are a long time step
	codeNum   = 60
	codeSub   = 61
	codeChan  = 62
	codeAux   = 63
	codeNote  = 22
	codeFirst = 42 // first of the codes that a file may define itself
)

// mnemonics are the standard annotation codes of ecgcodes.h.
var mnemonics = [codeFirst]string{
	1: "N", 2: "L", 3: "R", 4: "a", 5: "V", 6: "F", 7: "J", 8: "A", 9: "S", 10: "E",
	11: "j", 12: "/", 13: "Q", 14: "~", 16: "|", 18: "s", 19: "T", 20: "*", 21: "D",
	22: `"`, 23: "=", 24: "p", 25: "B", 26: "^", 27: "t", 28: "+", 29: "u", 30: "?",
	31: "!", 32: "[", 33: "]", 34: "e", 35: "n", 36: "@", 37: "x", 38: "f", 39: "(",
	40: ")", 41: "r",
}

// ParseAnnotations parses an annotation file in MIT format. Times come in
// samples at the given rate, also where the file declares a finer clock.
func ParseAnnotations(data []byte, rate float64) ([]clinical.Annotation, error) {
	p := annotations{rest: data, scale: 1, names: map[int]string{}}
	for {
		done, err := p.next(rate)
		if err != nil {
			return nil, err
		}
		if done {
			return p.out, nil
		}
	}
}

// annotations is the reader's state: NUM and CHN hold until changed, SUB and
// AUX belong to one annotation and follow it.
type annotations struct {
	rest         []byte
	time         int64
	num, channel int
	scale        float64 // samples per tick of the file's clock
	names        map[int]string
	out          []clinical.Annotation
}

// next reads one annotation with what belongs to it.
func (p *annotations) next(rate float64) (done bool, err error) {
	code, step, err := p.word()
	if err != nil || code == 0 && step == 0 {
		return true, err
	}
	for code == codeSkip {
		if len(p.rest) < 4 {
			return true, malformed("annotations end inside a time step")
		}
		// PDP-11 order: high word first, each word little endian.
		high, low := binary.LittleEndian.Uint16(p.rest), binary.LittleEndian.Uint16(p.rest[2:])
		p.time += int64(int32(uint32(high)<<16 | uint32(low)))
		p.rest = p.rest[4:]
		if code, step, err = p.word(); err != nil {
			return true, err
		}
	}
	if code > codeSkip {
		return true, malformed("annotation code %d without an annotation before it", code)
	}
	p.time += int64(step)
	a := clinical.Annotation{Symbol: p.symbol(code)}
	if err := p.attributes(&a); err != nil {
		return true, err
	}
	if p.time == 0 && code == codeNote && p.declare(a.Note, rate) {
		return false, nil
	}
	a.Sample = int(math.Round(float64(p.time) * p.scale))
	if p.time < 0 || a.Sample < 0 {
		return true, malformed("annotation before the start of the record")
	}
	a.Num, a.Channel = p.num, p.channel
	p.out = append(p.out, a)
	return false, nil
}

// word reads one 16-bit word: six bits of code, ten of time step or value.
func (p *annotations) word() (code, value int, err error) {
	if len(p.rest) < 2 {
		return 0, 0, malformed("annotations end without the end mark")
	}
	w := binary.LittleEndian.Uint16(p.rest)
	p.rest = p.rest[2:]
	return int(w >> 10), int(w & 0x3ff), nil
}

// attributes reads the pseudo-annotations that follow an annotation.
func (p *annotations) attributes(a *clinical.Annotation) error {
	for len(p.rest) >= 2 {
		w := binary.LittleEndian.Uint16(p.rest)
		value := int(int8(w)) // attributes are signed bytes
		switch w >> 10 {
		case codeNum:
			p.num = value
		case codeSub:
			a.Subtype = value
		case codeChan:
			p.channel = value
		case codeAux:
			length := int(w & 0x3ff)
			if len(p.rest) < 2+length+length%2 {
				return malformed("annotation text ends too early")
			}
			a.Note = strings.TrimRight(string(p.rest[2:2+length]), "\x00")
			p.rest = p.rest[length+length%2:]
		default:
			return nil
		}
		p.rest = p.rest[2:]
	}
	return nil
}

// declare handles the notes at time 0 by which a file declares its clock
// ("## time resolution: 1000") or codes of its own ("42 x description").
func (p *annotations) declare(note string, rate float64) bool {
	if text, ok := strings.CutPrefix(note, "## time resolution:"); ok {
		ticks, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err == nil && ticks > 0 && !math.IsInf(ticks, 0) && rate > 0 {
			p.scale = rate / ticks
		}
		return true
	}
	if strings.HasPrefix(note, "## ") {
		return true
	}
	fields := strings.Fields(note)
	if len(fields) >= 2 {
		code, err := strconv.Atoi(fields[0])
		if err == nil && code >= codeFirst && code < codeSkip {
			p.names[code] = fields[1]
			return true
		}
	}
	return false
}

func (p *annotations) symbol(code int) string {
	if name, ok := p.names[code]; ok {
		return name
	}
	if code < codeFirst && mnemonics[code] != "" {
		return mnemonics[code]
	}
	return fmt.Sprintf("[%d]", code)
}
