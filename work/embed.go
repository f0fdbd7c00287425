package work

import (
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"consilium/fault"
)

// embed starts a NATS server inside this process. Without Options.Listen it
// opens no port at all.
func (q *Queue) embed(o Options) error {
	options := &server.Options{
		ServerName: "consilium",
		DontListen: o.Listen == "",
		JetStream:  true,
		StoreDir:   o.Dir,
		SyncAlways: true, // a job that was taken is on disk
		NoSigs:     true,
		NoLog:      true,
		MaxPayload: MaxBody + 4096,
		// Bounds what JetStream claims of the machine; jobs are small.
		JetStreamMaxMemory: 64 << 20,
		JetStreamMaxStore:  4 * maxBytes,
	}
	if o.Listen != "" {
		host, port, err := net.SplitHostPort(o.Listen)
		if err != nil {
			return fault.Wrap(err, fault.Usage, "the queue's address "+o.Listen+" is not host:port", "for example 127.0.0.1:4222")
		}
		if o.Token == "" {
			return fault.New(fault.Usage, "a queue that listens needs a shared secret", "set one with --queue-token-file")
		}
		options.Host, options.Authorization = host, o.Token
		if options.Port, err = strconv.Atoi(port); err != nil {
			return fault.Wrap(err, fault.Usage, "the queue's port is not a number", "for example 127.0.0.1:4222")
		}
	}
	s, err := server.NewServer(options)
	if err != nil {
		return failed(err, "the embedded queue cannot start")
	}
	q.embedded = s
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		return fault.New(fault.QueueFailed, "the embedded queue did not start within 30 s", "another process may use "+o.Dir+"; see also the free disk space")
	}
	if !s.JetStreamEnabled() {
		return fault.New(fault.QueueFailed, "the embedded queue cannot use "+o.Dir, "check permissions and free disk space")
	}
	return nil
}
