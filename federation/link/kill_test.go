package link

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"consilium/federation"
)

// TestHubProcess is the process that TestHubIsKilled kills.
func TestHubProcess(t *testing.T) {
	dir := os.Getenv("LINK_HUB_DIR")
	if dir == "" {
		t.Skip("only in a process of its own")
	}
	h := openHub(t, HubOptions{Dir: dir, Listen: os.Getenv("LINK_HUB_LISTEN")})
	fmt.Println("LISTENS", h.Addresses()[0])
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test that started it ends
}

// hubProcess starts a hub in a process of its own and gives its address and what kills it.
func hubProcess(t *testing.T, dir, listen string) (address string, kill func()) {
	t.Helper()
	run := exec.CommandContext(soon(t), os.Args[0], "-test.run=^TestHubProcess$")
	run.Env = append(os.Environ(), "LINK_HUB_DIR="+dir, "LINK_HUB_LISTEN="+listen)
	in, err := run.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() { _ = run.Process.Kill(); _ = run.Wait(); _ = in.Close() }
	t.Cleanup(kill)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, found, ok := strings.Cut(lines.Text(), "LISTENS "); ok {
			return found, kill
		}
	}
	t.Fatal("the hub's process did not start")
	return "", nil
}

// kill -9 of the hub while mail is on its way: what Send has said is on disk comes, once, and so does the rest.
func TestHubIsKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	code, err := Invite(dir, "north", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	address, kill := hubProcess(t, dir, "127.0.0.1:0")
	site := t.TempDir()
	if err := Join(soon(t), JoinOptions{Dir: site, Hub: address, Code: code}); err != nil {
		t.Fatal(err)
	}
	s := openSite(t, SiteOptions{Dir: site})
	linked(t, s)
	const mails = 6
	size := func(i int) int { return 6*pieceBytes + i*100_001 }
	ctx := soon(t)
	sent := make(chan error, mails)
	go func() {
		for i := range mails {
			sent <- s.Send(ctx, federation.Mail{ID: fmt.Sprint("m", i), Kind: "update", Body: pattern(size(i), byte(i))})
		}
	}()
	for i := range mails {
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 && i+1 < mails { // the next mail is on its way now
			kill()
			_, kill = hubProcess(t, dir, address)
		}
	}
	kill()
	h := openHub(t, HubOptions{Dir: dir})
	next := 0
	for next < mails {
		checkMail(t, receive(t, h), &next, size)
	}
	nothingMore(t, h)
}
