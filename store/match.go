package store

import "strings"

// Matching as PS3.4 section C.2.2.2 defines it, in SQL that an index can serve.

// match adds "column matches pattern": equality without wildcards, a range
// for the text before the first one, LIKE for the rest. "" and "*" match all.
func (c *conditions) match(column, pattern string) {
	if strings.Trim(pattern, "*") == "" {
		return
	}
	first := strings.IndexAny(pattern, "*?"+escape)
	if first < 0 {
		c.add(column+" = ?", pattern)
		return
	}
	if first > 0 {
		c.add(column+" >= ? AND "+column+" < ?", pattern[:first], pattern[:first]+lastRune)
	}
	if pattern[first:] != "*" {
		c.add(column+" LIKE ? ESCAPE '"+likeEscape+"'", like(pattern))
	}
}

const (
	escape     = "\x1a" // before a wildcard that stands for itself; in no DICOM text
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
	if t == "" || len(t) > 6 {
		return t
	}
	return t + lastRune
}
