package page

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"consilium/fault"
)

// Serve shows one finished page at a loopback address ("127.0.0.1:0" takes a
// free port) until ctx ends. ready hears the page's URL. Addresses beyond this
// machine are refused with USAGE: the page has no login.
func Serve(ctx context.Context, addr string, html []byte, ready func(url string)) error {
	host, _, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return fault.New(fault.Usage, "the page is shown on this machine only, not at "+addr, "use an address like 127.0.0.1:8080")
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fault.Wrap(err, fault.IO, "no page can be served at "+addr, "choose another port")
	}
	server := &http.Server{
		Handler:           onePage(html),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	ready("http://" + listener.Addr().String() + "/")
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fault.Wrap(err, fault.IO, "the page is no longer served", "start it again")
	}
	return nil
}

// onePage answers GET / and nothing else. The policy lets the page load nothing from anywhere.
func onePage(html []byte) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		_, _ = w.Write(html) // a reader that went away is no fault of ours
	})
	return mux
}
