package link

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"consilium/fault"
	"consilium/federation"
)

// hubAddress is where a site calls: host:port, with or without a WebSocket around it.
type hubAddress struct {
	host string // host:port
	web  bool
}

// parseAddress reads host, host:port, wss://host or wss://host:port. Errors: USAGE.
func parseAddress(s string) (hubAddress, error) {
	bad := func() (hubAddress, error) {
		return hubAddress{}, fault.New(fault.Usage, "the hub's address "+cut(s, 100)+" is not one", "write host:port or wss://host:port")
	}
	a := hubAddress{host: s}
	port := "4747"
	if rest, found := strings.CutPrefix(s, "wss://"); found {
		a, port = hubAddress{host: strings.TrimSuffix(rest, "/"), web: true}, "443"
	}
	if a.host == "" || strings.ContainsAny(a.host, "/@?# ") {
		return bad()
	}
	host, p, err := net.SplitHostPort(a.host)
	if err != nil {
		host, p = strings.Trim(a.host, "[]"), port
	}
	if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
		return bad()
	}
	if host == "" || (strings.Contains(host, ":") && net.ParseIP(host) == nil) {
		return bad()
	}
	a.host = net.JoinHostPort(host, p)
	return a, nil
}

func (a hubAddress) url() *url.URL {
	if a.web {
		return &url.URL{Scheme: "wss", Host: a.host}
	}
	return &url.URL{Scheme: "tls", Host: a.host}
}

// parseProxy reads http://[user:password@]host:port; "" is no proxy. Errors: USAGE.
func parseProxy(s string) (*url.URL, error) {
	if s == "" {
		return nil, nil
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return nil, fault.New(fault.Usage, "the proxy's address is not one", "write http://host:port, with user:password@ before the host where the proxy asks for it")
	}
	return u, nil
}

func unreachable(err error, what string) error {
	return fault.Wrap(err, fault.PeerUnreachable, what, "check the network, the firewall and the proxy; `consilium doctor` looks at each step")
}

// dial connects to the hub, through a proxy if there is one.
func dial(ctx context.Context, a hubAddress, proxy *url.URL) (net.Conn, error) {
	d := net.Dialer{Timeout: shortWait}
	if proxy == nil {
		conn, err := d.DialContext(ctx, "tcp", a.host)
		if err != nil {
			return nil, unreachable(err, "the hub at "+a.host+" cannot be reached")
		}
		return conn, nil
	}
	port := proxy.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[proxy.Scheme]
	}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(proxy.Hostname(), port))
	if err != nil {
		return nil, unreachable(err, "the proxy "+proxy.Host+" cannot be reached")
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	_ = conn.SetDeadline(time.Now().Add(2 * shortWait))
	if proxy.Scheme == "https" {
		conn = tls.Client(conn, &tls.Config{ServerName: proxy.Hostname(), MinVersion: tls.VersionTLS12})
	}
	through, err := connect(conn, a, proxy)
	if err != nil {
		_ = conn.Close()
		return nil, unreachable(err, "the proxy "+proxy.Host+" does not lead to the hub")
	}
	_ = conn.SetDeadline(time.Time{})
	return through, nil
}

func connect(conn net.Conn, a hubAddress, proxy *url.URL) (net.Conn, error) {
	q := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: a.host}, Host: a.host, Header: http.Header{}}
	if password, ok := proxy.User.Password(); ok {
		q.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(proxy.User.Username()+":"+password)))
	}
	if err := q.Write(conn); err != nil {
		return nil, err
	}
	r := bufio.NewReader(conn)
	out, err := http.ReadResponse(r, q)
	if err != nil {
		return nil, err
	}
	_ = out.Body.Close()
	if out.StatusCode != http.StatusOK {
		return nil, errors.New("the proxy says " + out.Status)
	}
	first, err := r.Peek(r.Buffered())
	return &replayed{Conn: conn, first: first}, err
}

// visit is a conversation with the hub's desk.
type visit struct {
	conn  *tls.Conn
	ca    *x509.Certificate // the authority that the hub showed
	cert  *x509.Certificate // the hub's own
	greet greeting
	skew  time.Duration // the site's clock minus the hub's
}

func (v *visit) close() { _ = v.conn.Close() }

// callDesk connects to the desk. trust decides about the authority that the hub shows, before anything is said to
// it; the hub's certificate must be signed by it. The time is not looked at here: a site whose clock is wrong shall
// hear so, and not that a certificate is.
func callDesk(ctx context.Context, a hubAddress, proxy *url.URL, own *tls.Certificate, now func() time.Time, trust func(ca *x509.Certificate) error) (*visit, error) {
	raw, err := dial(ctx, a, proxy)
	if err != nil {
		return nil, err
	}
	v := &visit{}
	var distrust error
	config := &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{alpnDesk}, Time: now,
		InsecureSkipVerify: true, // VerifyConnection does it: by the pinned authority, not by the machine's
		VerifyConnection: func(s tls.ConnectionState) error {
			v.ca, v.cert, distrust = showedHub(s.PeerCertificates, trust)
			return distrust
		},
	}
	if own != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own, nil }
	}
	if host, _, err := net.SplitHostPort(a.host); err == nil {
		config.ServerName = host
	}
	v.conn = tls.Client(raw, config)
	wait, cancel := context.WithTimeout(ctx, 2*shortWait)
	defer cancel()
	_ = v.conn.SetDeadline(time.Now().Add(2 * shortWait))
	if err := v.conn.HandshakeContext(wait); err != nil {
		_ = raw.Close()
		if distrust != nil {
			return nil, distrust
		}
		return nil, unreachable(err, "what answers at "+a.host+" is no hub, or something in between changes the connection")
	}
	if err := readFrame(v.conn, &v.greet); err != nil {
		v.close()
		return nil, unreachable(err, "the hub at "+a.host+" does not speak")
	}
	v.skew = now().Sub(v.greet.Time)
	return v, nil
}

// showedHub gives the authority and the certificate that a hub showed.
func showedHub(certs []*x509.Certificate, trust func(*x509.Certificate) error) (ca, cert *x509.Certificate, err error) {
	mistaken := func(err error) (*x509.Certificate, *x509.Certificate, error) {
		return nil, nil, fault.Wrap(err, fault.HubMistaken, "what answers is not the hub that this site knows", "check the hub's address; ask its administrator. If the address is right, someone may stand between")
	}
	if len(certs) < 2 {
		return mistaken(nil)
	}
	cert, ca = certs[0], certs[len(certs)-1]
	if err := trust(ca); err != nil {
		return nil, nil, err
	}
	if err := checkChain(cert, ca, hubName, x509.ExtKeyUsageServerAuth, cert.NotBefore.Add(time.Second)); err != nil {
		return mistaken(err)
	}
	return ca, cert, nil
}

// fits looks at what the greeting says of clock, versions and the hub's certificate.
// Errors: CLOCK_SKEW, VERSION_UNFIT, CERTIFICATE_BAD.
func (v *visit) fits(protocol int, now time.Time) error {
	if err := clockFits(v.skew); err != nil {
		return err
	}
	if protocol < v.greet.Oldest || protocol > v.greet.Protocol {
		do := "update Consilium at this site"
		if protocol > v.greet.Protocol {
			do = "ask the hub to update Consilium"
		}
		return fault.New(fault.VersionUnfit, "hub and site speak different protocols", do)
	}
	if now.Before(v.cert.NotBefore) || now.After(v.cert.NotAfter) {
		return fault.New(fault.CertificateBad, "the hub's certificate ended on "+v.cert.NotAfter.Format(time.RFC3339), "ask the hub's administrator to restart the hub")
	}
	return nil
}

// say sends the request and gives the reply.
func (v *visit) say(q request) (reply, error) {
	var out reply
	if err := writeFrame(v.conn, q); err != nil {
		return out, unreachable(err, "the hub broke off")
	}
	if err := readFrame(v.conn, &out); err != nil {
		return out, unreachable(err, "the hub broke off")
	}
	return out, out.Refused.fault()
}

// why asks the hub whether and why it does not let this site in; nil when it would.
func why(ctx context.Context, keep *keeping, proxy *url.URL, protocol int, version string, now func() time.Time) error {
	creds := keep.credentials()
	v, err := callDesk(ctx, keep.hub, proxy, &creds.pair, now, keep.trusts)
	if err != nil {
		return err
	}
	defer v.close()
	if _, err = v.say(request{Kind: "ask", Site: keep.site, Protocol: protocol, Version: version, Time: now()}); err != nil {
		return err
	}
	return v.fits(protocol, now())
}

// protocolOf is the protocol that a site speaks; tests speak others.
func protocolOf(p int) int {
	if p == 0 {
		return federation.Protocol
	}
	return p
}
