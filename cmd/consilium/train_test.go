package main

import "testing"

func TestCommandLineNamesNoPlaceOfThisMachine(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--quiet", "--data-dir", "some/where/keys", "train", "--data", "data/a.npz", "--out=out/run", "--seeds", "5"},
			"consilium train --data a.npz --out=run --seeds 5"},
		{[]string{"train", "--data", "synthetic:ecg", "--data-dir=x/y", "-q"}, "consilium train --data synthetic:ecg"},
	} {
		if got := commandLine(c.args); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
