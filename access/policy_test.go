package access

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"consilium/clinical"
	"consilium/internal/golden"
)

// TestPolicy shows the whole table of rights as a security officer reads it.
// Whoever changes it changes this file too, and that is what a reviewer sees.
func TestPolicy(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "%-22s", "action")
	for _, role := range Roles() {
		fmt.Fprintf(&b, "%-12s", role)
	}
	line := func() { s := strings.TrimRight(b.String(), " "); b.Reset(); b.WriteString(s + "\n") }
	line()
	for _, action := range Actions() {
		fmt.Fprintf(&b, "%-22s", action)
		for _, role := range Roles() {
			fmt.Fprintf(&b, "%-12s", map[bool]string{true: "yes", false: "-"}[Allowed(role, action)])
		}
		line()
	}
	fmt.Fprintf(&b, "%-22s", "reads data for")
	for _, role := range Roles() {
		fmt.Fprintf(&b, "%-12s", Purpose(role))
	}
	line()
	golden.Check(t, "testdata/policy.txt", b.String())
	inDocument(t, "../docs/security.md", "<!-- policy: written by `go test ./access -run Policy -update` -->", "<!-- end of policy -->", b.String())
}

// inDocument holds the part of a document between two marks to what the program says.
func inDocument(t *testing.T, path, begin, end, table string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the table of rights", path)
	}
	want := before + begin + "\n```\n" + table + "```\n" + end + after
	if *golden.Update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(text) != want {
		t.Errorf("the table of rights in %s is not current; -update writes it", path)
	}
}

func TestPolicyHasNoHoles(t *testing.T) {
	seen := map[Action]bool{}
	for _, row := range policy {
		if seen[row.action] {
			t.Errorf("%s stands twice", row.action)
		}
		seen[row.action] = true
		if len(row.roles) == 0 {
			t.Errorf("nobody may %s", row.action)
		}
		for _, role := range row.roles {
			if _, err := ParseRole(string(role)); err != nil {
				t.Error(err)
			}
		}
	}
	for _, apart := range []Action{FindingReview, ReportSign} {
		if Allowed(Admin, apart) {
			t.Errorf("an administrator may %s: who runs the node must not make its results", apart)
		}
	}
	if Purpose(Researcher) != clinical.PurposeResearch {
		t.Error("a researcher reads for something else than research")
	}
}
