package edge

import (
	"context"
	"encoding/json"
	"testing"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/room"
)

// counterOf is a counter that is not running, with the mail that its hub sends.
func counterOf(t *testing.T, o CounterOptions) (*Counter, *room.Room) {
	r, err := room.New("north", "south")
	if err != nil {
		t.Fatal(err)
	}
	o.Dir, o.Link = t.TempDir(), r.Hub()
	if o.Diagnose == nil {
		o.Diagnose = hubSays
	}
	c, err := OpenCounter(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, r
}

func summaryOf(t *testing.T, id byte, p float64) []byte {
	name := []byte("00000000000000000000000000000000")
	name[0] = id
	body, err := json.Marshal(Summary{Case: string(name), By: "site", Answer: say("small", p)})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestTheHubKeepsEachResultOnce(t *testing.T) {
	told := 0
	c, _ := counterOf(t, CounterOptions{Most: 2, Tell: func(string, Summary) { told++ }})
	for _, x := range []struct {
		name, from, kind string
		body             []byte
		code             fault.Code
		told             int
	}{
		{"first", "north", KindResult, summaryOf(t, '1', 0.9), "", 1},
		{"again", "north", KindResult, summaryOf(t, '1', 0.9), "", 1},
		{"again and different", "north", KindResult, summaryOf(t, '1', 0.1), fault.UpdateRefused, 1},
		{"another site's", "south", KindResult, summaryOf(t, '1', 0.1), "", 2},
		{"not a number", "north", KindResult, []byte(`{"case":"x","by":"site"}`), fault.UpdateRefused, 2},
		{"garbage", "north", KindResult, []byte("\x00\xff"), fault.UpdateRefused, 2},
		{"a site that is a path", "../south", KindResult, summaryOf(t, '2', 0.9), fault.UpdateRefused, 2},
		{"another kind", "north", "edge-else", nil, fault.UpdateRefused, 2},
		{"second", "north", KindResult, summaryOf(t, '2', 0.9), "", 3},
		{"beyond the bound", "north", KindResult, summaryOf(t, '3', 0.9), fault.UpdateRefused, 3},
		{"a case that is none", "north", KindCase, []byte("CEC1"), fault.UpdateRefused, 3},
	} {
		done := false
		err := c.Handle(t.Context(), federation.Delivery{From: x.from, Mail: federation.Mail{Kind: x.kind, Body: x.body}, Done: func() error { done = true; return nil }})
		if fault.CodeOf(err) != x.code || !done || told != x.told {
			t.Errorf("%s: %v, done %v, told %d", x.name, err, done, told)
		}
	}
}

func handed(t *testing.T, from string, id byte, done func() error) federation.Delivery {
	name := []byte("00000000000000000000000000000000")
	name[0] = id
	c := testCase(1)
	c.ID, c.Name = string(name), ""
	body, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return federation.Delivery{From: from, Mail: federation.Mail{Kind: KindCase, Body: body}, Done: done}
}

func next(t *testing.T, r *room.Room, site string) Opinion {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	m, err := r.Site(site).Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	o, err := DecodeOpinion(m.Body)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// One site that floods the hub is told no, and does not keep another one waiting.
func TestSitesTakeTurnsAtTheHub(t *testing.T) {
	var order []string
	c, r := counterOf(t, CounterOptions{PerSite: 3, Diagnose: func(_ context.Context, c Case) (Answer, error) {
		order = append(order, c.ID[:1])
		return say("large", 0.99), nil
	}})
	dones := 0
	done := func() error { dones++; return nil }
	for _, id := range []byte("1234") {
		if err := c.Handle(t.Context(), handed(t, "north", id, done)); err != nil {
			t.Fatal(err)
		}
	}
	if o := next(t, r, "north"); o.Code != fault.QueueFailed || o.Case[0] != '4' || dones != 1 {
		t.Fatalf("%+v, %d done", o, dones)
	}
	if err := c.Handle(t.Context(), handed(t, "north", '1', done)); err != nil || dones != 2 {
		t.Fatal("the same case twice", err, dones)
	}
	if err := c.Handle(t.Context(), handed(t, "south", '9', done)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	for range 3 {
		next(t, r, "north")
	}
	if o := next(t, r, "south"); o.Answer.Findings[0].Model != "large" {
		t.Fatalf("%+v", o)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if len(order) != 4 || order[1] != "9" || dones != 6 {
		t.Fatalf("order %v, %d done", order, dones)
	}
}

func TestADiagnosisThatFailsAtTheHubIsSaid(t *testing.T) {
	c, r := counterOf(t, CounterOptions{Diagnose: func(context.Context, Case) (Answer, error) {
		a := say("large", 0.9)
		a.Findings[0].Outcomes[0].Probability = 7
		return a, nil
	}})
	if err := c.Handle(t.Context(), handed(t, "north", '1', func() error { return nil })); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	if o := next(t, r, "north"); o.Code != fault.UpdateRefused || len(o.Answer.Findings) != 0 {
		t.Fatalf("%+v", o)
	}
	cancel()
	<-ended
}
