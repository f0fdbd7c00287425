package hl7

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"consilium/fault"
)

// charsets of table 0211, as MSH-18 names them; nil is UTF-8.
var charsets = map[string]encoding.Encoding{
	"": nil, "ASCII": nil, "UNICODE UTF-8": nil, "UTF-8": nil, "UNICODE": nil,
	"8859/1": charmap.ISO8859_1, "8859/2": charmap.ISO8859_2, "8859/3": charmap.ISO8859_3, "8859/4": charmap.ISO8859_4, "8859/5": charmap.ISO8859_5,
	"8859/6": charmap.ISO8859_6, "8859/7": charmap.ISO8859_7, "8859/8": charmap.ISO8859_8, "8859/9": charmap.ISO8859_9, "8859/15": charmap.ISO8859_15,
	"ISO IR87": japanese.ISO2022JP, "KS X 1001": korean.EUCKR, "GB 18030-2000": simplifiedchinese.GB18030,
	"UNICODE UTF-16": unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
}

// Decode turns a message into UTF-8, by the character set of its MSH-18. Where
// none is declared and the bytes are no UTF-8, ISO 8859-1 is taken, which is
// what senders that declare nothing write.
func Decode(raw []byte) ([]byte, error) {
	header, _, _ := bytes.Cut(raw, []byte{'\r'})
	name := ""
	if len(header) > 3 {
		if fields := bytes.Split(header, header[3:4]); len(fields) > 17 {
			name = string(fields[17])
			if len(fields[1]) > 1 {
				name, _, _ = strings.Cut(name, string(fields[1][1:2])) // the first repetition; others switch inside the text
			}
		}
	}
	set, known := charsets[strings.TrimSpace(name)]
	if !known {
		return nil, fault.New(fault.InputUnsupported, fmt.Sprintf("the character set %.20q is not read", name), "send UNICODE UTF-8 or 8859/1")
	}
	if set == nil {
		if name == "" && !validUTF8(raw) {
			set = charmap.ISO8859_1
		} else {
			return raw, nil
		}
	}
	text, err := set.NewDecoder().Bytes(raw)
	if err != nil {
		return nil, malformed("the message is not in the character set that it declares")
	}
	return text, nil
}
