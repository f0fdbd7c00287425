package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"consilium/access"
	"consilium/fault"
	"consilium/store"
)

// TestUser goes through the verbs, before a node's first start and beside a running one.
func TestUser(t *testing.T) {
	dir := t.TempDir()
	verb := func(want int, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if got := run(context.Background(), append(args, "--data-dir", dir), &out, &errs); got != want {
			t.Fatalf("%v ends with %d: %s%s", args, got, out.String(), errs.String())
		}
		return out.String() + errs.String()
	}
	first := verb(fault.ExitOK, "user", "add", "Root", "--role", "admin", "--base", "https://node.example/")
	if !strings.Contains(first, "https://node.example/setup#") {
		t.Fatal(first)
	}
	st, err := store.Open(t.Context(), store.Options{DataDir: dir}) // the node runs from here on
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	s, err := access.New(access.Config{Store: st})
	if err != nil {
		t.Fatal(err)
	}
	_, secret, _ := strings.Cut(first, "#")
	if _, err := s.Redeem(t.Context(), "192.0.2.1", "", strings.Fields(secret)[0], "root", "four unrelated words 7"); err != nil {
		t.Fatal(err)
	}
	verb(fault.ExitOK, "user", "add", "anna", "--role", "reader", "--full-name", "Dr. Anna Schmidt")
	verb(fault.ExitInput, "user", "add", "anna")
	verb(fault.ExitUsage, "user", "add", "<b>")
	verb(fault.ExitUsage, "user", "add", "bert", "--role", "god")
	verb(fault.ExitInput, "user", "link", "nobody")
	verb(fault.ExitInput, "user", "disable", "root") // the last administrator
	verb(fault.ExitOK, "user", "disable", "anna")
	verb(fault.ExitInput, "user", "link", "anna") // disabled
	verb(fault.ExitOK, "user", "enable", "anna")
	if out := verb(fault.ExitOK, "user", "link", "anna"); !strings.Contains(out, "/setup#") {
		t.Error(out)
	}
	var list struct{ Items []userLine }
	if err := json.Unmarshal([]byte(verb(fault.ExitOK, "user", "list", "--json")), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != 2 || list.Items[0].State != "waiting" || list.Items[1].State != "active" {
		t.Errorf("list %+v", list.Items)
	}
	pending, err := st.PendingEvents(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	written := ""
	for _, p := range pending {
		written += string(p.Body)
	}
	if !strings.Contains(written, "account.created") || !strings.Contains(written, "command line") || strings.Contains(written, strings.Fields(secret)[0]) {
		t.Errorf("written down: %s", written)
	}
}
