package link

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"path/filepath"
	"time"

	"consilium/fault"
	"consilium/federation/folder"
)

// JoinOptions says which hub a site joins.
type JoinOptions struct {
	Dir      string           // the site's folder; made when it is not there
	Site     string           // "" = the name in the code
	Hub      string           // host:port or wss://host:port
	Code     string           // from Invite
	Proxy    string           // http://[user:password@]host:port
	Version  string           // of this program
	Protocol int              // 0 = federation.Protocol
	Now      func() time.Time // nil = time.Now
}

// Join makes the site's keys, shows the code and keeps what the hub gives: certificate, authority, account. No private
// key leaves Dir. A folder that joined before keeps its identity, and the rest is replaced when the hub agreed.
// Errors: JOIN_REFUSED, HUB_MISTAKEN, CLOCK_SKEW, VERSION_UNFIT, PEER_UNREACHABLE, USAGE, IO.
func Join(ctx context.Context, o JoinOptions) error {
	if o.Now == nil {
		o.Now = time.Now
	}
	code, err := parseCode(o.Code)
	if err != nil {
		return err
	}
	if o.Site != "" && o.Site != code.Site {
		return fault.New(fault.JoinRefused, "the join code is for "+code.Site+", not for "+o.Site, "ask the hub for a code for "+o.Site)
	}
	hub, err := parseAddress(o.Hub)
	if err != nil {
		return err
	}
	proxy, err := parseProxy(o.Proxy)
	if err != nil {
		return err
	}
	if err := makeDirs(o.Dir); err != nil {
		return err
	}
	identity, err := makeIdentity(o.Dir)
	if err != nil {
		return err
	}
	v, err := callDesk(ctx, hub, proxy, nil, o.Now, func(ca *x509.Certificate) error {
		if fingerprint(ca.Raw) != code.Print {
			return fault.New(fault.HubMistaken, "what answers at "+hub.host+" is not the hub that the join code names", "check the address. If it is right, someone may stand between: speak with the hub's administrator")
		}
		return nil
	})
	if err != nil {
		return err
	}
	defer v.close()
	protocol := protocolOf(o.Protocol)
	if err := v.fits(protocol, o.Now()); err != nil {
		return err
	}
	q := request{Kind: "join", Site: code.Site, Protocol: protocol, Version: o.Version, Time: o.Now(),
		Secret: code.Secret[:], Identity: identity.Public().(ed25519.PublicKey)}
	return o.sign(v, q, identity)
}

// sign makes the keys, sends the request and keeps what comes back.
func (o JoinOptions) sign(v *visit, q request, identity ed25519.PrivateKey) error {
	key, csr, err := askCertificate(q.Site)
	if err != nil {
		return err
	}
	user, public, err := userKeys()
	if err != nil {
		return err
	}
	q.Request, q.User = csr, public
	q.Proof = ed25519.Sign(identity, q.proven())
	out, err := v.say(q)
	if err != nil {
		return err
	}
	userSeed, err := user.Seed()
	if err != nil {
		return badKey(err, "the site's user")
	}
	creds := credentialsFile{Certificate: out.Certificate, Key: key.Seed(), User: out.User, UserSeed: string(userSeed)}
	ready, err := creds.ready()
	if err == nil {
		err = checkChain(ready.pair.Leaf, v.ca, q.Site, x509.ExtKeyUsageClientAuth, ready.pair.Leaf.NotBefore.Add(time.Second))
	}
	if err != nil {
		return fault.Wrap(err, fault.PeerRefused, "the hub's answer cannot be used", "ask for a new code and try again; then please report it")
	}
	unlock, err := lockFile(filepath.Join(o.Dir, ".lock")) // the site may run, and renew
	if err != nil {
		return err
	}
	defer unlock()
	if err := folder.WriteJSON(filepath.Join(o.Dir, "credentials.json"), creds); err != nil {
		return err
	}
	return folder.WriteJSON(filepath.Join(o.Dir, "site.json"), siteFile{Site: q.Site, Hub: o.Hub, Proxy: o.Proxy, Authority: v.ca.Raw, Joined: o.Now().UTC()})
}
