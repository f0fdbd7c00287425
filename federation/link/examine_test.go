package link

import (
	"testing"
	"time"
)

func find(checks []Check, name string) Check {
	for _, c := range checks {
		if c.Name == name {
			return c
		}
	}
	return Check{}
}

func TestExamine(t *testing.T) {
	t.Parallel()
	h := openHub(t, HubOptions{Dir: t.TempDir()})
	p := newProxy(t)
	dir := joined(t, h, "north", func(o *JoinOptions) { o.Proxy = p.url() })
	want := func(checks []Check, levels map[string]string) {
		t.Helper()
		for name, level := range levels {
			c := find(checks, name)
			if c.Level != level || c.Found == "" || (level != OK) != (c.Do != "") {
				t.Errorf("%s: %+v, want %s", name, c, level)
			}
		}
	}
	good := map[string]string{"DNS": OK, "DNS of the proxy": OK, "proxy": OK, "hub": OK, "clock": OK, "versions": OK,
		"admission": OK, "certificate": OK, "the hub's certificate": OK}
	checks := Examine(soon(t), dir)
	want(checks, good)
	for _, c := range checks {
		t.Logf("%-8s %-22s %s", c.Level, c.Name, c.Found)
	}
	want(Examine(soon(t), h.o.Dir), map[string]string{"authority": OK, "site north": OK})

	var now clock
	now.add(3 * time.Minute)
	want(examineSite(soon(t), dir, "", now.Now), map[string]string{"clock": Warning, "admission": OK})
	now.add(24 * time.Hour)
	want(examineSite(soon(t), dir, "", now.Now), map[string]string{"clock": Broken, "hub": OK, "admission": Broken})
	now.add(27 * 24 * time.Hour)
	want(examineSite(soon(t), dir, "", now.Now), map[string]string{"certificate": Warning})
	now.add(27 * 24 * time.Hour)
	want(examineSite(soon(t), dir, "", now.Now), map[string]string{"certificate": Broken, "the hub's certificate": Broken})
	want(examineSite(soon(t), dir, "http://127.0.0.1:1", time.Now), map[string]string{"proxy": Broken, "hub": Broken})
	want(examineSite(soon(t), dir, "http://no-such-host.invalid:1", time.Now), map[string]string{"DNS of the proxy": Broken, "hub": Broken})

	if err := Revoke(h.o.Dir, "north"); err != nil {
		t.Fatal(err)
	}
	want(Examine(soon(t), dir), map[string]string{"hub": OK, "admission": Broken})
	want(Examine(soon(t), t.TempDir()), map[string]string{"folder": Broken})
	closed(t, h)
	want(Examine(soon(t), dir), map[string]string{"hub": Broken, "proxy": OK})
}
