package access

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"consilium/fault"
)

// Bounds on what people type.
const (
	minPassword  = 12  // characters
	maxPassword  = 256 // bytes; long enough for any sentence, short enough to hash
	maxName      = 64
	maxFullName  = 64 // as long as a DICOM person name may be (PS3.5 6.2, PN)
	maxTokenName = 64
)

// checkPassword holds a new password to the rules: long, not the name, not one
// that every attacker tries first. No composition rules and no forced change:
// they make passwords worse (NIST SP 800-63B 5.1.1.2).
func checkPassword(password, name string) error {
	way := fmt.Sprintf("choose at least %d characters, for example four words that do not belong together", minPassword)
	refuse := func(what string) error { return fault.New(fault.Usage, what, way) }
	switch folded := strings.ToLower(string(canonical(password))); {
	case !utf8.ValidString(password) || strings.ContainsRune(password, 0):
		return refuse("the password is not text")
	case len(password) > maxPassword:
		return fault.New(fault.Usage, "the password is too long", fmt.Sprintf("use at most %d bytes", maxPassword))
	case utf8.RuneCountInString(string(canonical(password))) < minPassword:
		return refuse(fmt.Sprintf("the password is shorter than %d characters", minPassword))
	case name != "" && strings.Contains(folded, name) && utf8.RuneCountInString(folded)-utf8.RuneCountInString(name) < 8:
		return refuse("the password is little more than the name")
	case repeats(folded):
		return refuse("the password repeats one short piece")
	case common(folded):
		return refuse("the password is one that is tried first")
	}
	return nil
}

// repeats says whether s is a piece of up to four bytes, again and again, or a run such as 12345678.
func repeats(s string) bool {
	for size := 1; size <= 4; size++ {
		if len(s) > size && strings.HasPrefix(strings.Repeat(s[:size], len(s)/size+1), s) {
			return true
		}
	}
	steps := 0
	for i := 1; i < len(s); i++ {
		if d := int(s[i]) - int(s[i-1]); d >= -1 && d <= 1 {
			steps++
		}
	}
	return steps >= len(s)-2
}

// commonRoots are the pieces that the most used passwords of twelve characters
// and more are made of. A password made of nothing else is refused.
var commonRoots = []string{
	"password", "passwort", "passw0rd", "p@ssw0rd", "qwertyuiop", "qwerty", "qwertz", "azerty", "asdfghjkl", "asdf", "zxcvbnm",
	"1q2w3e4r5t6y", "1q2w3e4r", "1qaz2wsx3edc", "1qaz2wsx", "123456789", "12345678", "123456", "1234", "123", "987654321", "654321", "000000", "111111",
	"abcdefgh", "abcdef", "abcd", "abc", "letmein", "welcome", "iloveyou", "princess", "sunshine", "football", "baseball", "superman", "batman", "monkey", "dragon",
	"master", "admin", "administrator", "root", "login", "secret", "changeme", "default", "test", "guest", "user", "hello", "trustno1", "whatever",
	"consilium", "radiology", "radiologist", "radiologie", "hospital", "clinic", "doctor", "doktor", "nurse", "patient", "medical", "medicine",
	"orthanc", "dicom", "pacs", "spring", "summer", "autumn", "winter", "2022", "2023", "2024", "2025", "2026", "2027",
	"the", "my", "is", "a", "1", "2", "3", "!", "?", ".", "-", "_", " ", "@", "#", "0",
}

// common says whether s is made of common pieces only.
func common(s string) bool {
	made := make([]bool, len(s)+1) // made[i]: the first i bytes are
	made[0] = true
	for i := range s {
		if !made[i] {
			continue
		}
		for _, root := range commonRoots {
			if strings.HasPrefix(s[i:], root) {
				made[i+len(root)] = true
			}
		}
	}
	return made[len(s)]
}

// foldName gives the form in which a sign-in name is kept and compared.
func foldName(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// checkName holds a sign-in name to the rules. Letters, digits and . _ - @ only:
// nothing that any log, page or query would read as its own.
func checkName(name string) error {
	ok := len(name) >= 2 && len(name) <= maxName
	for i, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
		ok = ok && (letter || i > 0 && strings.ContainsRune("._-@", r))
	}
	if !ok {
		return fault.New(fault.Usage, fmt.Sprintf("%q cannot be a sign-in name", clip(name)),
			fmt.Sprintf("use 2 to %d letters a-z, digits, dot, dash, underscore or @, beginning with a letter or digit", maxName))
	}
	return nil
}

// checkText holds a name that people read to one line of printable text.
func checkText(what, s string, most int) error {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > most || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
		return fault.New(fault.Usage, "the "+what+" is not one line of text", fmt.Sprintf("use at most %d printable characters and no backslash", most))
	}
	return nil
}
