package link

import (
	"path/filepath"

	"github.com/nats-io/nats-server/v2/server"
)

// A stream of JetStream that once could not write does not try again, room or no room. So the hub takes no more mail
// before the disk is full, and opens its store anew when the disk was full all the same and has room again.

// defaultReserve is the room that the hub leaves on its disk.
const defaultReserve = 512 << 20

// room looks at the disk. Only watch calls it.
func (h *Hub) room() {
	free, ok := freeBytes(h.o.Dir)
	if !ok {
		return
	}
	full := free < uint64(h.o.Reserve)
	if h.gauge.set(full) {
		if full {
			h.log.Error("no mail is taken", "error", diskFull())
		} else {
			h.log.Info("mail is taken again: the disk has room")
		}
	}
	switch {
	case free < uint64(h.o.Reserve)/8:
		h.starved = true // a write may have failed
	case h.starved && !full:
		h.starved = false
		if err := h.reopenStore(); err != nil {
			h.log.Error("the store cannot be opened anew", "error", err)
		}
	}
}

func (h *Hub) reopenStore() error {
	if err := h.server.ShutdownJetStream(); err != nil {
		return err
	}
	c := h.storeConfig()
	return h.server.EnableJetStream(&c)
}

func (h *Hub) storeConfig() server.JetStreamConfig {
	return server.JetStreamConfig{StoreDir: filepath.Join(h.o.Dir, "store"), Domain: domain, SyncAlways: true, Strict: true,
		// Each stream has its own limit. What is reserved for all of them may be more than the disk has.
		MaxStore: 1 << 60, MaxMemory: 1 << 20}
}
