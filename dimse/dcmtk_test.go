package dimse

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"consilium/dataset/settest"
	"consilium/dicom"
)

// tool runs one of dcmtk's programs against the peer.
func tool(t *testing.T, name string, p Peer, args ...string) (string, error) {
	t.Helper()
	host, port, _ := net.SplitHostPort(p.Address)
	return program(t, name, append([]string{"-aet", p.CallingAE, "-aec", p.AETitle, host, port}, args...)...)
}

func program(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(name + " of dcmtk is not installed")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(cmd.Environ(), "TCP_NODELAY=1") // or each object waits 40 ms
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
	for _, pdu := range []string{"4096", "131072"} {
		if out, err := tool(t, "storescu", peer, "-pdu", pdu, "--max-send-pdu", pdu, a, b); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	if in.count() != 4 {
		t.Errorf("%d objects arrived", in.count())
	}
	wrong := peer
	wrong.AETitle = "NOBODY"
	if out, err := tool(t, "echoscu", wrong); err == nil || !strings.Contains(out, "Called AE Title Not Recognized") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestEverySyntax has dcmtk send real files of every transfer syntax it can
// propose. The data sets must arrive as they were, bit for bit.
func TestEverySyntax(t *testing.T) {
	options := map[string]string{
		implicitLittle: "-xi", explicitLittle: "-xe", explicitBig: "-xb", deflatedLittle: "-xd",
		"1.2.840.10008.1.2.4.50": "-xy", "1.2.840.10008.1.2.4.51": "-xx", "1.2.840.10008.1.2.4.70": "-xs",
		"1.2.840.10008.1.2.4.80": "-xt", "1.2.840.10008.1.2.4.81": "-xu", "1.2.840.10008.1.2.4.90": "-xv", "1.2.840.10008.1.2.4.91": "-xw", "1.2.840.10008.1.2.5": "-xr",
	}
	var in inbox
	peer := start(t, Config{Receive: in.receive})
	tried := map[string]bool{}
	for path, syntax := range realFiles(t) {
		option, known := options[syntax]
		if !known || tried[syntax] {
			continue
		}
		before := in.count()
		out, err := tool(t, "storescu", peer, option, path)
		if strings.Contains(out, "No presentation context for") || strings.Contains(out, "Bad DICOM file") || strings.Contains(out, "No SOP Class") {
			continue // a class that this dcmtk does not know, or a file that it does not read
		}
		if err != nil {
			t.Errorf("%s, %s: %v: %s", filepath.Base(path), syntax, err, out)
			continue
		}
		tried[syntax] = true
		if in.count() != before+1 || in.got[before].TransferSyntax != syntax {
			t.Errorf("%s, %s: %d arrived", filepath.Base(path), syntax, in.count()-before)
			continue
		}
		kept := filepath.Join(t.TempDir(), "kept.dcm")
		if err := os.WriteFile(kept, in.data[in.got[before].SOP], 0o600); err != nil {
			t.Fatal(err)
		}
		// dcmtk writes lengths anew when it sends; its own reading must agree.
		if a, b := dump(t, path), dump(t, kept); a != b {
			t.Errorf("%s, %s: arrived changed", filepath.Base(path), syntax)
		}
	}
	t.Logf("%d of %d transfer syntaxes of storescu", len(tried), len(options))
	if len(tried) < 8 {
		t.Error("too few transfer syntaxes were tried")
	}
}

// dump is dcmtk's listing of a data set without what a sender may write anew:
// file meta information, lengths, group lengths.
func dump(t *testing.T, path string) string {
	t.Helper()
	out, err := program(t, "dcmdump", "-q", "+L", "+R", "64", path)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var kept []string
	for line := range strings.SplitSeq(out, "\n") {
		element, _, _ := strings.Cut(line, "#")
		trimmed := strings.TrimSpace(element)
		if !strings.HasPrefix(trimmed, "(") || strings.HasPrefix(trimmed, "(0002,") || strings.Contains(trimmed, ",0000)") || strings.HasPrefix(trimmed, "(fffe,e0") || strings.HasPrefix(trimmed, "(fffc,fffc)") || strings.Contains(trimmed, " SQ (") {
			continue
		}
		kept = append(kept, trimmed)
	}
	return strings.Join(kept, "\n")
}

// realFiles gives readable files of the shared data with their transfer syntax.
func realFiles(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	paths, _ := filepath.Glob(filepath.Join(settest.Data(t, "dicom"), "*", "*.dcm"))
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		var head [132]byte
		if _, err := f.ReadAt(head[:], 0); err != nil || string(head[128:]) != "DICM" {
			_ = f.Close()
			continue // no Part 10 file
		}
		o, err := dicom.ParseHeader(f, filepath.Base(path))
		_ = f.Close()
		if err == nil && validUID(o.IDs().SOP) && strings.HasPrefix(o.IDs().Class, storagePrefix) && storable(o.TransferSyntax()) {
			out[path] = o.TransferSyntax()
		}
	}
	return out
}

// TestOwnStoreOfRealFiles sends every real file with our own client to our own
// server: each must arrive as it lies on disk.
func TestOwnStoreOfRealFiles(t *testing.T) {
	var in inbox
	peer := start(t, Config{Receive: in.receive})
	var sources []Source
	for path := range realFiles(t) {
		if info, err := os.Stat(path); err == nil && info.Size() < 4<<20 {
			sources = append(sources, Source{Name: path, Open: func() (readCloser, error) { return os.Open(path) }})
		}
	}
	sent, _ := Store(t.Context(), peer, sources, nil)
	// Three without identifiers in the data set, one that is not encoded as its header says.
	refused := map[string]bool{"no_meta_group_length.dcm": true, "UN_sequence.dcm": true, "priv_SQ.dcm": true, "SC_rgb_jpeg.dcm": true}
	for i, s := range sent {
		if s.Err != nil {
			if !refused[filepath.Base(s.Name)] {
				t.Error(s.Err)
			}
			continue
		}
		raw, _ := os.ReadFile(s.Name)
		_, at, err := metaOf(raw)
		got := in.data[s.SOP]
		_, from, err2 := metaOf(got)
		if err != nil || err2 != nil || string(raw[at:]) != string(got[from:]) {
			if duplicate(sent, i) {
				continue
			}
			t.Errorf("%s arrived changed: %v %v", s.Name, err, err2)
		}
	}
	t.Logf("%d real files", len(sent))
}
