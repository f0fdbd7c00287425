package link

import (
	"encoding/json"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// pulseMessage is what a site says each second; from the hub's answer it learns whether it fits.
type pulseMessage struct {
	Protocol int       `json:"protocol"`
	Version  string    `json:"version"`
	Time     time.Time `json:"time"`
	Memory   int64     `json:"memory"`
	Doing    string    `json:"doing"`
}

type pulseAnswer struct {
	Refused *refusal  `json:"refused,omitempty"`
	Time    time.Time `json:"time"`
	Full    bool      `json:"full,omitempty"` // the hub's disk has no room
	Born    time.Time `json:"born"`           // of the stream to the site: another one begins to count anew
}

type renewRequest struct {
	Request []byte `json:"request"` // PKCS #10
}

const maxDoing = 200

func parsePulse(data []byte) (p pulseMessage, ok bool) {
	if len(data) > 4<<10 || json.Unmarshal(data, &p) != nil {
		return p, false
	}
	p.Version, p.Doing = cut(p.Version, 64), cut(p.Doing, maxDoing)
	p.Memory = max(0, p.Memory)
	return p, true
}

// resident is the memory of this process that is in RAM, where the system tells it.
func resident() int64 {
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := strings.Fields(string(text)); len(fields) > 1 {
			if pages, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
				return pages * int64(os.Getpagesize())
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}
