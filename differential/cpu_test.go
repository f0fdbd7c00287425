//go:build unix

package differential

import (
	"syscall"
	"testing"
	"time"
)

// processor is the time that this process has had on a processor: other work on
// the machine does not lengthen it as it does the clock's.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// perCase reports the processor time of a case since start.
func perCase(b *testing.B, start time.Duration) {
	b.ReportMetric(float64((processor(b)-start).Microseconds())/1000/float64(b.N), "cpu-ms/case")
}
