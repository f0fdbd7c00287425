package result

import "strings"

// properName makes a value of VR PN: up to three component groups of 64
// characters, five components each.
func properName(s string) string {
	groups := strings.Split(strings.ReplaceAll(s, `\`, " "), "=")
	groups = groups[:min(len(groups), 3)]
	for i, g := range groups {
		parts := strings.Split(g, "^")
		groups[i] = short(strings.Join(parts[:min(len(parts), 5)], "^"), 64)
	}
	return strings.TrimRight(strings.Join(groups, "="), "=")
}

// personAs writes a name as DICOM does: "Ada Lovelace" becomes "Lovelace^Ada".
// What has a caret already stays.
func personAs(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.LastIndexByte(s, ' '); i > 0 && !strings.ContainsAny(s, "^=") {
		s = s[i+1:] + "^" + s[:i]
	}
	return properName(s)
}
