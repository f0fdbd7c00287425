package storetest

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"consilium/store"
)

// Postgres is a private PostgreSQL server, on a Unix socket only, that lives
// as long as the test that started it.
type Postgres struct {
	folder string
	made   atomic.Int64
}

// StartPostgres starts a server from the distribution's package; the test is
// skipped where there is none.
func StartPostgres(t testing.TB) *Postgres {
	t.Helper()
	initdb, server := binary("initdb"), binary("postgres")
	if initdb == "" || server == "" {
		t.Skip("PostgreSQL is not installed (apt package postgresql)")
	}
	account := serverAccount(t)
	folder, err := os.MkdirTemp("", "pg") // a short path: sockets allow no long one
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if account != nil {
		if err := os.Chown(folder, int(account.Uid), int(account.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(folder, "data")
	command := func(name string, args ...string) *exec.Cmd {
		c := exec.Command(name, args...)
		c.Dir, c.Env = folder, append(os.Environ(), "LC_ALL=C.UTF-8")
		c.SysProcAttr = &syscall.SysProcAttr{Credential: account}
		return c
	}
	if out, err := command(initdb, "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	var log bytes.Buffer
	c := command(server, "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=100")
	c.Stdout, c.Stderr = &log, &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Signal(syscall.SIGQUIT) // at once: its data go too
		c.Wait()
	})
	p := &Postgres{folder: folder}
	if err := p.await(20 * time.Second); err != nil {
		t.Fatalf("PostgreSQL does not answer: %v\n%s", err, log.String())
	}
	return p
}

// binary finds a program of PostgreSQL: in the path, or where Debian puts it.
func binary(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	found, _ := filepath.Glob(filepath.Join("/usr/lib/postgresql", "*", "bin", name))
	if len(found) == 0 {
		return ""
	}
	return slices.Max(found)
}

// serverAccount is who the server runs as: it refuses root.
func serverAccount(t testing.TB) *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Skip("there is no user postgres to run the server as, and it refuses root")
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (p *Postgres) url(database string) string {
	return fmt.Sprintf("postgres:///%s?host=%s&user=postgres", database, p.folder)
}

func (p *Postgres) await(limit time.Duration) error {
	db, err := sql.Open("pgx", p.url("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		if err = db.PingContext(ctx); err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Fresh makes an empty database and gives its address.
func (p *Postgres) Fresh(t testing.TB) string {
	t.Helper()
	db, err := sql.Open("pgx", p.url("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	name := "t" + strconv.FormatInt(p.made.Add(1), 10)
	if _, err := db.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	return p.url(name)
}

// Open opens a store on a database of its own.
func (p *Postgres) Open(t *testing.T) *store.Store {
	return Open(t, store.Options{URL: p.Fresh(t)})
}
