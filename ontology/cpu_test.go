//go:build unix

package ontology

import (
	"context"
	"syscall"
	"testing"
	"time"
)

// BenchmarkOpenHPO opens the real base from its cache. It also gives the processor
// time, which other work on the machine does not lengthen as it does the clock's.
func BenchmarkOpenHPO(b *testing.B) {
	dir := b.TempDir()
	if _, err := Import(context.Background(), dir, nil, hpo(b)...); err != nil {
		b.Fatal(err)
	}
	start := processor(b)
	for b.Loop() {
		if _, err := Open(dir); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((processor(b)-start).Microseconds())/1e3/float64(b.N), "cpu-ms/op")
}

// processor is the time that this process has had on a processor.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
