package store

import (
	"database/sql"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// How Go values lie in columns.

// micros is a time as a column holds it; the zero time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// at reads what micros wrote.
func at(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// orNull is a time whose absence is NULL.
func orNull(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: micros(t), Valid: !t.IsZero()}
}

// bit is truth as an INTEGER column.
func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// clean makes text from outside fit for a column: valid UTF-8, no NUL (which
// PostgreSQL refuses), no longer than a column of an index may be.
func clean(s string) string {
	const limit = 1024 // bytes; the longest value of the VRs kept here, LO and PN, is far below
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "")
	}
	return strings.TrimSpace(s)
}

// fold makes text comparable as people search it: lower case, no accents.
func fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}
