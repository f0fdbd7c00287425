package store

import "strings"

// Matching as PS3.4 section C.2.2.2 defines it, in SQL that an index can serve.

// conditions joined by AND.
type conditions struct {
	parts []string
	args  []any
}

func (c *conditions) add(part string, args ...any) {
	c.parts, c.args = append(c.parts, part), append(c.args, args...)
}

func (c *conditions) where() string {
	if len(c.parts) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.parts, " AND ")
}

// in adds "column is one of"; no values, no condition.
func (c *conditions) in(column string, values []any) {
	if len(values) > 0 {
		c.add(column+" IN ("+marks(len(values))+")", values...)
	}
}

// match adds "column matches pattern". "" and "*" match all.
func (c *conditions) match(column, pattern string) {
	c.prefix(column, pattern)
	if first := strings.IndexAny(pattern, wildcards); first >= 0 && strings.Trim(pattern[first:], "*") != "" {
		c.add(column+" LIKE ? ESCAPE '"+likeEscape+"'", like(pattern))
	}
}

// prefix adds what an index can serve of a pattern: equality when it has no
// wildcard, the range of the text before the first one otherwise.
func (c *conditions) prefix(column, pattern string) {
	switch first := strings.IndexAny(pattern, wildcards); {
	case pattern == "", first == 0:
	case first < 0:
		c.add(column+" = ?", pattern)
	default:
		c.add(column+" >= ? AND "+column+" < ?", pattern[:first], pattern[:first]+lastRune)
	}
}

const (
	escape     = "\x1a" // before a wildcard that stands for itself; in no DICOM text
	wildcards  = "*?" + escape
	likeEscape = "!"
	lastRune   = "\U0010FFFF" // sorts after every text
)

// escapeWildcards makes text match itself only.
func escapeWildcards(s string) string {
	return strings.NewReplacer("*", escape+"*", "?", escape+"?", escape, "").Replace(s)
}

// like turns a pattern of DICOM into one of LIKE.
func like(pattern string) string {
	return strings.NewReplacer(escape+"*", "*", escape+"?", "?", "*", "%", "?", "_",
		"%", likeEscape+"%", "_", likeEscape+"_", likeEscape, likeEscape+likeEscape).Replace(pattern)
}

// between adds a range that includes both ends; "" leaves an end open. A value
// that is not there is in no range.
func (c *conditions) between(column, from, to string) {
	if from == "" && to == "" {
		return
	}
	if from == "" {
		from = "0"
	}
	c.add(column+" >= ?", from)
	if to != "" {
		c.add(column+" <= ?", to)
	}
}

// endOf is the last instant of a time given to the second, minute or hour.
func endOf(t string) string {
	if t == "" {
		return ""
	}
	return t + lastRune
}
