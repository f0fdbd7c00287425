package edge

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"consilium/federation/folder"
)

// victimFolder tells the test binary to be the process that is killed.
const victimFolder = "CONSILIUM_EDGE_VICTIM"

// TestMain lets the test binary play the site's process.
func TestMain(m *testing.M) {
	if dir := os.Getenv(victimFolder); dir != "" {
		victim(dir)
		return
	}
	os.Exit(m.Run())
}

// victim accepts cases and says so after each one, until it is killed.
func victim(dir string) {
	d, err := Open(Options{Dir: dir, Diagnose: siteSays})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	go func() { _ = d.Run(ctx) }()
	for i := 0; ctx.Err() == nil; i++ {
		if _, _, err := d.Submit(ctx, testCase(i)); err != nil {
			fmt.Println("error", err)
			return
		}
		fmt.Println("accepted", i)
	}
}

// kill -9 of a real process at a moment of its own choosing: what it said to have accepted is answered once by the next.
func TestKilledProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	told, n := map[string]string{}, 0
	for round := range 3 {
		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Env = append(os.Environ(), victimFolder+"="+dir)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if _, err := fmt.Sscanf(lines.Text(), "accepted %d", &n); err != nil {
				t.Fatal(lines.Text())
			}
			if n >= 20*(round+1) {
				break
			}
		}
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait() // it was killed
		files, err := os.ReadDir(filepath.Join(dir, resultsDir))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files { // an answer that is there stays as it is
			if strings.HasSuffix(f.Name(), folder.Unfinished) {
				continue
			}
			text, err := os.ReadFile(filepath.Join(dir, resultsDir, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if was, known := told[f.Name()]; known && was != string(text) {
				t.Fatalf("%s was replaced:\n%s\n%s", f.Name(), was, text)
			}
			told[f.Name()] = string(text)
		}
	}
	d, err := Open(Options{Dir: dir, Diagnose: siteSays})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	if err := d.Drain(ctx, false); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-ended
	for i := range n + 1 {
		r, err := d.Result(fmt.Sprintf("case-%d", i))
		if err != nil || r.Local.Findings[0].Top() != probability(testCase(i)) {
			t.Fatalf("case %d was accepted and has no answer of its own: %+v %v", i, r, err)
		}
	}
	if r := d.Report(); r.Outbox != r.Answered || r.Answered < n+1 {
		t.Fatalf("%d answers, %d summaries for the hub", r.Answered, r.Outbox)
	}
}
