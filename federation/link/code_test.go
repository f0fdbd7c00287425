package link

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"consilium/fault"
	"consilium/federation"
)

func drawCode(t *rapid.T) joinCode {
	c := joinCode{Site: rapid.StringMatching(`[a-z0-9-]{1,64}`).Draw(t, "site")}
	copy(c.Print[:], rapid.SliceOfN(rapid.Byte(), fingerprintBytes, fingerprintBytes).Draw(t, "print"))
	copy(c.Secret[:], rapid.SliceOfN(rapid.Byte(), secretBytes, secretBytes).Draw(t, "secret"))
	return c
}

func TestCodeIsReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCode(t)
		for _, text := range []string{c.String(), " " + strings.ToLower(c.String()) + "\n", strings.ReplaceAll(c.String(), "-", "")} {
			if strings.Contains(c.Site, "-") && !strings.Contains(text, c.Site) {
				continue // the hyphens of the name belong to it
			}
			got, err := parseCode(text)
			if err != nil || got != c {
				t.Fatalf("%q: %v, %v", text, got, err)
			}
		}
		if !c.fits(c.keep()) {
			t.Fatal("a code does not fit its own hash")
		}
	})
}

// One wrong letter is found in 31 of 32 cases; that this test draws few makes a bound of 1 in 8 safe.
func TestSlipOfThePenIsFound(t *testing.T) {
	tried, missed := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		c := drawCode(t)
		text := []byte(c.String())
		at := len(c.Site) + 1 + rapid.IntRange(0, codeDigits+3).Draw(t, "at")
		if text[at] == '-' {
			return
		}
		letter := "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[rapid.IntRange(0, 31).Draw(t, "letter")]
		if text[at] == letter {
			return
		}
		text[at] = letter
		tried++
		if _, err := parseCode(string(text)); err == nil {
			missed++
		}
	})
	if tried == 0 || missed*8 > tried {
		t.Errorf("%d of %d slips were not found", missed, tried)
	}
}

func TestCodeGolden(t *testing.T) {
	c := joinCode{Site: "north", Print: [10]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, Secret: [5]byte{250, 251, 252, 253, 254}}
	// Worked out by hand: 120 bits in base 32, then SHA-256 of "consilium join code\nnorth\n" and the bits, modulo 32.
	const want = "north:000G4-0R40M-30E20-9ZBXZ-SZFYG"
	if got := c.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzCode(f *testing.F) {
	f.Add("north:000G4-0R40M-30E20-9ZBXZ-SZFYG")
	f.Add("")
	f.Add(":")
	f.Add("a:" + strings.Repeat("I", 25))
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parseCode(s)
		if err != nil {
			if fault.CodeOf(err) != fault.JoinRefused {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		again, err := parseCode(c.String())
		if err != nil || again != c || !federation.Word(c.Site) {
			t.Fatalf("%q became %q, which is %v, %v", s, c.String(), again, err)
		}
	})
}
