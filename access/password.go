package access

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"consilium/fault"
)

// hashParams are the costs of argon2id (RFC 9106).
type hashParams struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

// presentParams are OWASP's first recommendation with one lane less to share:
// 19 MiB, 2 passes, 1 lane (Password Storage Cheat Sheet). A stored hash with
// other costs is accepted and replaced at the next sign-in.
var presentParams = hashParams{memory: 19 * 1024, passes: 2, threads: 1}

// Bounds on the costs in a stored hash: a database that somebody altered must
// not make one sign-in take the machine's memory.
const (
	maxHashMemory = 256 * 1024 // KiB
	maxHashPasses = 16
	maxHashLanes  = 16
	saltBytes     = 16
	keyBytes      = 32
)

// hasher computes password hashes, a bounded number at a time, so that a flood
// of sign-ins waits in line instead of filling the memory.
type hasher struct {
	params hashParams
	slots  chan struct{}
	decoy  string // hash of nothing anybody knows: signing in as nobody takes as long as signing in
}

func newHasher(params hashParams) *hasher {
	h := &hasher{params: params, slots: make(chan struct{}, max(1, min(4, runtime.GOMAXPROCS(0))))}
	h.decoy = h.derive(rand.Text(), h.params)
	return h
}

// hash gives the PHC string of a password: $argon2id$v=19$m=..,t=..,p=..$salt$key.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	return h.derive(password, h.params), nil
}

func (h *hasher) derive(password string, p hashParams) string {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt)
	key := argon2.IDKey(canonical(password), salt, p.passes, p.memory, p.threads, keyBytes)
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.passes, p.threads,
		enc.EncodeToString(salt), enc.EncodeToString(key))
}

// verify compares a password with a stored hash. stale says that the hash has
// other costs than today's. stored "" (no such account, or one without a
// password) takes as long and never fits.
func (h *hasher) verify(ctx context.Context, password, stored string) (fits, stale bool, err error) {
	if err := h.enter(ctx); err != nil {
		return false, false, err
	}
	defer h.leave()
	known := stored != ""
	if !known {
		stored = h.decoy
	}
	p, salt, key, err := parseHash(stored)
	if err != nil {
		return false, false, err
	}
	got := argon2.IDKey(canonical(password), salt, p.passes, p.memory, p.threads, uint32(len(key)))
	return sameSecret(string(got), string(key)) && known, p != h.params, nil
}

func (h *hasher) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), fault.AccessLimited, "too many people sign in at this moment", "try again in a minute")
	}
}

func (h *hasher) leave() { <-h.slots }

// canonical makes one byte string of what different keyboards send for the same
// characters (NIST SP 800-63B 5.1.1.2 asks for NFKC).
func canonical(password string) []byte { return norm.NFKC.Bytes([]byte(password)) }

func parseHash(s string) (p hashParams, salt, key []byte, err error) {
	bad := fault.New(fault.StoreCorrupt, "a stored password hash cannot be read", "give the account a new link with `consilium user link`")
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, nil, nil, bad
	}
	if n, e := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.passes, &p.threads); e != nil || n != 3 {
		return p, nil, nil, bad
	}
	salt, e1 := base64.RawStdEncoding.DecodeString(parts[4])
	key, e2 := base64.RawStdEncoding.DecodeString(parts[5])
	tooMuch := p.memory > maxHashMemory || p.passes > maxHashPasses || p.threads > maxHashLanes
	tooLittle := p.memory < 8*uint32(p.threads) || p.passes < 1 || p.threads < 1 || len(salt) < 8 || len(key) < 16
	if e1 != nil || e2 != nil || tooMuch || tooLittle || len(salt) > 64 || len(key) > 64 {
		return p, nil, nil, bad
	}
	return p, salt, key, nil
}
