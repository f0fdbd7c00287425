package local

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/federation"
)

// resident is the process's memory now, in MB; 0 where the system does not say it.
func resident() float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err == nil {
				return kb / 1024
			}
		}
	}
	return 0
}

// worked is the processor time of the process so far, in ms: what a step costs when others use the machine too.
func worked() float64 {
	text, err := os.ReadFile("/proc/self/stat")
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if err != nil || len(fields) < 13 {
		return 0
	}
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	if err1 != nil || err2 != nil {
		return 0
	}
	return 10 * (user + system) // ticks of 10 ms
}

// BenchmarkRound is a site's round: 205 pictures of 28x28, batch 16, one epoch. The first run of each compiles.
// Run one at a time for the memory: go test ./federation/local -run none -bench 'Round/cnn3$'
func BenchmarkRound(b *testing.B) {
	set := blobs(clinical.KindImage, []int{1, 28, 28}, 2, 205, 1)
	private := &federation.Noise{Multiplier: 1, Clip: 1, Delta: 1e-5, Epsilon: 1e6}
	for _, c := range []struct {
		name, arch, algorithm string
		local                 *federation.Noise
	}{
		{"cnn3", "cnn3", federation.FedAvg, nil},
		{"cnn3-ditto", "cnn3", federation.Ditto, nil},
		{"cnn3-private", "cnn3", federation.FedAvg, private},
		{"logistic", ArchLogistic, federation.FedAvg, nil},
		{"logistic-private", ArchLogistic, federation.FedAvg, private},
	} {
		b.Run(c.name, func(b *testing.B) {
			job := jobFor(set, c.arch, federation.Plan{Algorithm: c.algorithm, Batch: 16, Momentum: 0.9, Rounds: 1000})
			job.Privacy.Local = c.local
			l := learner(b, job, set, Options{Dir: b.TempDir()})
			w := l.net.Initial(1)
			round := 1
			u := must(b, l, Task{Round: round, Global: w})
			before := worked()
			for b.Loop() {
				round++
				u = must(b, l, Task{Round: round, Global: w})
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N*u.Steps), "ms/step")
			b.ReportMetric((worked()-before)/float64(b.N*u.Steps), "cpu-ms/step")
			b.ReportMetric(resident(), "MB-resident")
		})
	}
}

// BenchmarkScore measures 102 validation pictures.
func BenchmarkScore(b *testing.B) {
	set := blobs(clinical.KindImage, []int{1, 28, 28}, 2, 205, 1)
	job := jobFor(set, "cnn3", federation.Plan{})
	l := learner(b, job, set, Options{})
	w := l.net.Initial(1)
	scored(b, l, w, dataset.Validation)
	for b.Loop() {
		scored(b, l, w, dataset.Validation)
	}
}
