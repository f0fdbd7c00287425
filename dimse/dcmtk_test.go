package dimse

import (
	"context"
	"net"
	"os/exec"
	"testing"
	"time"
)

// tool runs one of dcmtk's programs against the peer.
func tool(t *testing.T, name string, p Peer, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(name + " of dcmtk is not installed")
	}
	host, port, _ := net.SplitHostPort(p.Address)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, append([]string{"-aet", p.CallingAE, "-aec", p.AETitle, host, port}, args...)...)
	cmd.Env = append(cmd.Environ(), "TCP_NODELAY=1")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestDcmtkEchoAndStore(t *testing.T) {
	var in inbox
	peer := start(t, Config{Receive: in.receive})
	if out, err := tool(t, "echoscu", peer, "-v"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	dir := t.TempDir()
	a, b := ctFile(t, dir, "1.2.1", 512*512*2), ctFile(t, dir, "1.2.2", 100)
	if out, err := tool(t, "storescu", peer, "-v", a, b); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(in.got) != 2 {
		t.Errorf("%d objects arrived", len(in.got))
	}
}
