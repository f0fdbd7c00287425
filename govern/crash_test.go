package govern

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const childVariable = "CONSILIUM_AUDIT_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		appendForEver(dir)
	}
	os.Exit(m.Run())
}

// appendForEver is the child that gets killed: it prints the index of each
// entry that was acknowledged.
func appendForEver(dir string) {
	l, err := OpenLog(context.Background(), Options{DataDir: dir})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("open")
	for caller := range 8 {
		go func() {
			for i := 0; ; i++ {
				index, err := l.Append(context.Background(), Event{Action: "test", Object: fmt.Sprint(os.Getpid(), ".", caller, ".", i)})
				if err != nil {
					fmt.Println("error", err)
					os.Exit(1)
				}
				os.Stdout.WriteString(fmt.Sprintf("%d %d.%d.%d\n", index, os.Getpid(), caller, i))
			}
		}()
	}
	select {}
}

// Twenty times a process that appends is killed at a random moment. Nothing
// that it was told is in the log may be missing, or be somewhere else.
func TestKilledAtAnyMoment(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 5
	}
	dir := t.TempDir()
	acknowledged := map[uint64]string{}
	for range rounds {
		lines := killed(t, dir, time.Duration(rand.IntN(250))*time.Millisecond)
		for _, line := range lines {
			number, object, ok := strings.Cut(line, " ")
			index, err := strconv.ParseUint(number, 10, 64)
			if !ok || err != nil {
				t.Fatal(line)
			}
			if old, taken := acknowledged[index]; taken {
				t.Fatalf("entry %d was given to %s and to %s", index, old, object)
			}
			acknowledged[index] = object
		}
		if r, err := verifyDir(t, dir); err != nil {
			t.Fatalf("after a kill: %+v %v", r, err)
		}
	}
	l := open(t, dir, nil)
	size := uint64(0)
	for {
		entries, err := l.Read(t.Context(), size, MaxPage)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			if object, ok := acknowledged[e.Index]; ok && object != e.Object {
				t.Fatalf("entry %d is %s, and was acknowledged as %s", e.Index, e.Object, object)
			}
			delete(acknowledged, e.Index)
		}
		size += uint64(len(entries))
	}
	if len(acknowledged) > 0 {
		t.Fatalf("%d acknowledged entries were lost", len(acknowledged))
	}
	shut(t, l)
	verifyLog(t, l)
	t.Logf("%d kills, %d entries", rounds, size)
}

// killed runs a child and kills it after it has appended for a while.
func killed(t *testing.T, dir string, after time.Duration) (lines []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(os.Environ(), childVariable+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(out)
	if !scanner.Scan() || scanner.Text() != "open" {
		t.Fatal("the child did not start: ", scanner.Text())
	}
	time.AfterFunc(after, func() { child.Process.Kill() })
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	child.Wait()
	if len(lines) > 0 && strings.HasPrefix(lines[len(lines)-1], "error") {
		t.Fatal(lines[len(lines)-1])
	}
	return lines
}

// verifyDir checks a log that nobody has open.
func verifyDir(t *testing.T, dir string) (Report, error) {
	t.Helper()
	key, err := PublicKey(filepath.Join(dir, KeyDir, publicFile))
	if err != nil {
		t.Fatal(err)
	}
	return Verify(t.Context(), filepath.Join(dir, LogDir), key)
}
