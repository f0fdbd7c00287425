package clinic

import (
	"fmt"
	"testing"
	"time"
)

func TestSaidOnceAMinute(t *testing.T) {
	var s sayOnce
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	if s.lately(now, "a") {
		t.Error("said before anybody spoke")
	}
	if s.lately(now, "a") {
		t.Error("asking is not saying: what could not be recorded must be tried again")
	}
	s.note(now, "a")
	for after, want := range map[time.Duration]bool{0: true, 59 * time.Second: true, time.Minute: false} {
		if got := s.lately(now.Add(after), "a"); got != want {
			t.Errorf("after %v: %v", after, got)
		}
	}
	if s.lately(now, "b") {
		t.Error("other words count as said")
	}
	for i := range 3 * mostSaid {
		s.note(now, fmt.Sprint(i))
	}
	if len(s.said) > mostSaid {
		t.Errorf("%d words are remembered", len(s.said))
	}
}
