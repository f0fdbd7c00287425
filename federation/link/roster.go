package link

import (
	"crypto/ed25519"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
)

// record is a site in the hub's folder.
type record struct {
	Name        string            `json:"name"`
	Key         ed25519.PublicKey `json:"key"`         // the site's identity
	Account     string            `json:"account"`     // public key
	AccountSeed string            `json:"accountSeed"` // signs the users of the account
	User        string            `json:"user"`        // public key of the site's user
	Old         []string          `json:"old"`         // users of an earlier join: revoked
	Serials     []certified       `json:"serials"`     // of the certificates that count
	Joined      time.Time         `json:"joined"`
	Revoked     *time.Time        `json:"revoked,omitempty"`
}

type certified struct {
	Serial string    `json:"serial"`
	Until  time.Time `json:"until"`
}

// invite is an open invitation.
type invite struct {
	Site  string    `json:"site"`
	Keep  []byte    `json:"keep"` // hash of the secret
	Until time.Time `json:"until"`
	Tries int       `json:"tries"` // wrong ones
}

const maxTries = 5

// roster reads and writes the hub's small files. Invite and Revoke run beside the hub, in other processes: each file
// is replaced as a whole, and the hub looks at them again and again.
type roster struct {
	dir string
}

func (r *roster) sitePath(name string) string   { return filepath.Join(r.dir, "sites", name+".json") }
func (r *roster) invitePath(name string) string { return filepath.Join(r.dir, "invites", name+".json") }

// site reads one record. Errors: NOT_FOUND, STORE_CORRUPT.
func (r *roster) site(name string) (*record, error) {
	var rec record
	if err := readJSON(r.sitePath(name), &rec); err != nil {
		if fault.CodeOf(err) == fault.NotFound {
			return nil, fault.Wrap(err, fault.NotFound, "no site "+name+" has joined this hub", "see `consilium federate status` for the names")
		}
		return nil, err
	}
	if rec.Name != name {
		return nil, fault.New(fault.StoreCorrupt, "the record of site "+name+" is of another", "restore it from a backup, or invite the site again")
	}
	return &rec, nil
}

// names lists who has joined.
func (r *roster) names() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(r.dir, "sites"))
	if err != nil {
		return nil, folder.Failed(err, "the hub's sites cannot be listed")
	}
	var out []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".json"); ok && federation.Word(name) {
			out = append(out, name)
		}
	}
	return out, nil
}

// change reads a record, changes and writes it.
func (r *roster) change(name string, f func(*record) error) (*record, error) {
	unlock, err := lockFile(filepath.Join(r.dir, "sites", ".lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	rec, err := r.site(name)
	if fault.CodeOf(err) == fault.NotFound {
		rec, err = &record{Name: name}, nil
	}
	if err != nil {
		return nil, err
	}
	if err := f(rec); err != nil {
		return nil, err
	}
	return rec, folder.WriteJSON(r.sitePath(name), rec)
}

// Invite lets a site join once, with the code that it returns, which is stored nowhere: only a hash is. It works
// beside a running hub. A new invitation replaces the one before. Errors: USAGE, IO.
func Invite(dir, site string, valid time.Duration) (code string, err error) {
	if !federation.Word(site) {
		return "", fault.New(fault.Usage, "the site's name "+site+" is not a word", "use 1 to 64 lower-case letters, digits and hyphens")
	}
	if valid <= 0 || valid > 90*24*time.Hour {
		return "", fault.New(fault.Usage, "an invitation cannot be valid for "+valid.String(), "choose at most 90 days; 24h is usual")
	}
	a, err := openAuthority(dir, time.Now())
	if err != nil {
		return "", err
	}
	c, err := newCode(site, fingerprint(a.cert.Raw))
	if err != nil {
		return "", err
	}
	r := &roster{dir: dir}
	unlock, err := r.lockInvites()
	if err != nil {
		return "", err
	}
	defer unlock()
	if err := folder.WriteJSON(r.invitePath(site), invite{Site: site, Keep: c.keep(), Until: time.Now().Add(valid).UTC()}); err != nil {
		return "", err
	}
	return c.String(), nil
}

// Revoke shuts a site out: its certificates and its user count no more. A running hub notices within a second. A site
// that was revoked can be invited again. Errors: NOT_FOUND, IO.
func Revoke(dir, site string) error {
	r := &roster{dir: dir}
	if !federation.Word(site) {
		return fault.New(fault.Usage, "the site's name "+site+" is not a word", "use 1 to 64 lower-case letters, digits and hyphens")
	}
	if _, err := r.site(site); err != nil {
		return err
	}
	if err := os.Remove(r.invitePath(site)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return folder.Failed(err, "the invitation of "+site+" cannot be withdrawn")
	}
	_, err := r.change(site, func(rec *record) error {
		if rec.Revoked == nil {
			now := time.Now().UTC()
			rec.Revoked = &now
		}
		rec.Serials = nil
		return nil
	})
	return err
}

func (r *roster) lockInvites() (unlock func(), err error) {
	return lockFile(filepath.Join(r.dir, "invites", ".lock"))
}

// redeem uses an invitation up. Errors: JOIN_REFUSED.
func (r *roster) redeem(c joinCode, now time.Time) error {
	unlock, err := r.lockInvites()
	if err != nil {
		return err
	}
	defer unlock()
	// One answer for a site that was not invited and for a wrong secret: who asks learns no names.
	refused := fault.New(fault.JoinRefused, "the join code is wrong, was used before, or was replaced", "ask the hub for a new one: consilium federate invite "+c.Site)
	var inv invite
	path := r.invitePath(c.Site)
	if err := readJSON(path, &inv); err != nil {
		if fault.CodeOf(err) == fault.NotFound {
			return refused
		}
		return err
	}
	if inv.Tries >= maxTries {
		return refused
	}
	if inv.Site != c.Site || !c.fits(inv.Keep) {
		inv.Tries++
		if err := folder.WriteJSON(path, inv); err != nil {
			return err
		}
		return refused
	}
	if !now.Before(inv.Until) {
		return fault.New(fault.JoinRefused, "the join code was valid until "+inv.Until.Format(time.RFC3339), "ask the hub for a new one")
	}
	if err := os.Remove(path); err != nil {
		return folder.Failed(err, "the invitation cannot be used up")
	}
	return nil
}

// counts says whether a certificate with this serial number is one of the site's.
func (rec *record) counts(serial *big.Int, now time.Time) bool {
	return rec.Revoked == nil && slices.ContainsFunc(rec.Serials, func(c certified) bool {
		return c.Serial == serial.Text(16) && now.Before(c.Until)
	})
}

// certify notes a new certificate; those that have ended, and all but the newest before it, are forgotten.
func (rec *record) certify(serial *big.Int, until, now time.Time) {
	rec.Serials = slices.DeleteFunc(rec.Serials, func(c certified) bool { return !now.Before(c.Until) })
	if n := len(rec.Serials); n > 1 {
		rec.Serials = rec.Serials[n-1:]
	}
	rec.Serials = append(rec.Serials, certified{Serial: serial.Text(16), Until: until.UTC()})
}

// until is when the last certificate of the site ends.
func (rec *record) until() (out time.Time) {
	for _, c := range rec.Serials {
		if c.Until.After(out) {
			out = c.Until
		}
	}
	return out
}
