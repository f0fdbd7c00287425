package link

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"consilium/fault"
	"consilium/federation"
)

// Check is one thing that Examine looked at.
type Check struct {
	Level string `json:"level"` // OK, Warning or Broken
	Name  string `json:"name"`
	Found string `json:"found"`
	Do    string `json:"do,omitempty"`
}

// Levels of a check.
const (
	OK      = "ok"
	Warning = "warning"
	Broken  = "broken"
)

// Rooms on the disk below which a check doubts, and fails.
const (
	smallRoom = 10 << 30
	noRoom    = 1 << 30
)

// Examine looks at what a hub's or a site's folder needs to work: for a site DNS, proxy, TLS chain, clock, versions and
// whether the hub would let it in; for both the certificates and the disk. It changes nothing.
func Examine(ctx context.Context, dir string) []Check {
	if _, err := os.Stat(filepath.Join(dir, "authority.json")); err == nil {
		return examineHub(dir, time.Now())
	}
	return examineSite(ctx, dir, "", time.Now)
}

func failed(name string, err error) Check {
	e := fault.Of(err)
	found := string(e.Code) + ": " + e.What
	if e.Err != nil {
		found += ": " + e.Err.Error()
	}
	return Check{Broken, name, found, e.Do}
}

func examineHub(dir string, now time.Time) []Check {
	checks := []Check{checkDisk(dir)}
	a, err := openAuthority(dir, now)
	if err != nil {
		return append(checks, failed("authority", err))
	}
	checks = append(checks, checkLife("authority", a.cert, now, "plan a new hub folder; every site has to join again"))
	r := &roster{dir: dir}
	names, err := r.names()
	if err != nil {
		return append(checks, failed("sites", err))
	}
	for _, name := range names {
		rec, err := r.site(name)
		switch {
		case err != nil:
			checks = append(checks, failed("site "+name, err))
		case rec.Revoked != nil:
			checks = append(checks, Check{OK, "site " + name, "shut out since " + rec.Revoked.Format(time.DateOnly), ""})
		case !now.Before(rec.until()):
			checks = append(checks, Check{Broken, "site " + name, "its certificate has ended on " + rec.until().Format(time.DateOnly), "invite it again"})
		default:
			checks = append(checks, Check{OK, "site " + name, "certificate valid for " + days(rec.until().Sub(now)), ""})
		}
	}
	return checks
}

func examineSite(ctx context.Context, dir, proxyURL string, now func() time.Time) []Check {
	checks := []Check{checkDisk(dir)}
	keep, err := openKeeping(dir)
	if err != nil {
		return append(checks, failed("folder", err))
	}
	if _, err := Identity(dir); err != nil {
		checks = append(checks, failed("identity", err))
	}
	checks = append(checks, checkLife("certificate", keep.credentials().pair.Leaf, now(), "ask the hub for a new join code and join again"))
	if proxyURL == "" {
		proxyURL = keep.proxy
	}
	proxy, err := parseProxy(proxyURL)
	if err != nil {
		return append(checks, failed("proxy", err))
	}
	checks = append(checks, checkNames(ctx, keep.hub, proxy)...)
	if proxy != nil {
		checks = append(checks, checkProxy(ctx, proxy))
	}
	return append(checks, checkDesk(ctx, keep, proxy, now)...)
}

// checkNames looks names up. With a proxy too: the embedded server asks for the hub's address itself before it goes
// through the proxy.
func checkNames(ctx context.Context, hub hubAddress, proxy *url.URL) []Check {
	name, _, _ := strings.Cut(hub.host, ":")
	if host, _, err := net.SplitHostPort(hub.host); err == nil {
		name = host
	}
	names := map[string]string{"DNS": name}
	if proxy != nil {
		names["DNS of the proxy"] = proxy.Hostname()
	}
	var checks []Check
	for what, host := range names {
		wait, cancel := context.WithTimeout(ctx, shortWait)
		found, err := net.DefaultResolver.LookupHost(wait, host)
		cancel()
		if err != nil {
			do := "check the name and this machine's DNS server"
			if proxy != nil && what == "DNS" {
				do = "the name must be known here though the way leads through a proxy: add the hub to the DNS or to the hosts file, or join with its IP address"
			}
			checks = append(checks, Check{Broken, what, host + " is not known: " + err.Error(), do})
			continue
		}
		checks = append(checks, Check{OK, what, host + " is " + strings.Join(found, ", "), ""})
	}
	return checks
}

func checkProxy(ctx context.Context, proxy *url.URL) Check {
	port := proxy.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[proxy.Scheme]
	}
	d := net.Dialer{Timeout: shortWait}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(proxy.Hostname(), port))
	if err != nil {
		return failed("proxy", unreachable(err, "the proxy "+proxy.Host+" cannot be reached"))
	}
	_ = conn.Close()
	return Check{OK, "proxy", proxy.Host + " answers", ""}
}

// checkDesk goes to the hub and back.
func checkDesk(ctx context.Context, keep *keeping, proxy *url.URL, now func() time.Time) []Check {
	creds := keep.credentials()
	v, err := callDesk(ctx, keep.hub, proxy, &creds.pair, now, keep.trusts)
	if err != nil {
		return []Check{failed("hub", err)}
	}
	defer v.close()
	checks := []Check{{OK, "hub", keep.hub.host + " answers with TLS 1.3 and the authority that this site joined", ""},
		checkLife("the hub's certificate", v.cert, now(), "ask the hub's administrator to restart the hub")}
	if err := clockFits(v.skew); err != nil {
		checks = append(checks, failed("clock", err))
	} else {
		level, do := OK, ""
		if v.skew.Abs() > time.Minute {
			level, do = Warning, "set the clock by NTP; at 5 minutes the hub refuses"
		}
		checks = append(checks, Check{level, "clock", "it differs from the hub's by " + v.skew.Round(time.Millisecond).String(), do})
	}
	if federation.Protocol < v.greet.Oldest || federation.Protocol > v.greet.Protocol {
		checks = append(checks, failed("versions", v.fits(federation.Protocol, now())))
	} else {
		checks = append(checks, Check{OK, "versions", "protocol " + strconv.Itoa(federation.Protocol) + " here, " +
			strconv.Itoa(v.greet.Oldest) + " to " + strconv.Itoa(v.greet.Protocol) + " at the hub", ""})
	}
	if _, err := v.say(request{Kind: "ask", Site: keep.site, Protocol: federation.Protocol, Time: now()}); err != nil {
		return append(checks, failed("admission", err))
	}
	return append(checks, Check{OK, "admission", "the hub lets " + keep.site + " in", ""})
}

func checkLife(name string, cert *x509.Certificate, now time.Time, do string) Check {
	left := cert.NotAfter.Sub(now)
	life := cert.NotAfter.Sub(cert.NotBefore)
	switch {
	case now.Before(cert.NotBefore):
		return Check{Broken, name, "begins only on " + cert.NotBefore.Format(time.DateTime), "check this machine's clock"}
	case left <= 0:
		return Check{Broken, name, "ended on " + cert.NotAfter.Format(time.DateOnly), do}
	case left < life/6: // it should have been renewed at a third
		return Check{Warning, name, "ends in " + days(left), "let the program run while the hub can be reached: it renews by itself"}
	}
	return Check{OK, name, "valid for " + days(left), ""}
}

func days(d time.Duration) string {
	if d < 48*time.Hour {
		return d.Round(time.Minute).String()
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

func checkDisk(dir string) Check {
	free, ok := freeBytes(dir)
	found := fmt.Sprintf("%.1f GiB free at %s", float64(free)/(1<<30), dir)
	switch {
	case !ok:
		return Check{Warning, "disk", "the room at " + dir + " cannot be told", "check that the folder exists"}
	case free < noRoom:
		return Check{Broken, "disk", found, "free space, or move the folder"}
	case free < smallRoom:
		return Check{Warning, "disk", found, "free space before large models are learnt together"}
	}
	return Check{OK, "disk", found, ""}
}
