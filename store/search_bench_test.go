package store_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"consilium/clinical"
	"consilium/store"
	"consilium/store/storetest"
)

// studiesInBenchmark is the size that docs/store.md speaks of.
const studiesInBenchmark = 100_000

// archive draws n synthetic studies of n*2/5 patients over five years.
type archive struct {
	random   *rand.Rand
	patients []store.PatientKey
}

func newArchive(n int) *archive {
	a := &archive{random: rand.New(rand.NewPCG(1, 2)), patients: make([]store.PatientKey, n*2/5)}
	for p := range a.patients {
		a.patients[p] = store.PatientKey{ID: fmt.Sprintf("P%07d", p), Name: a.name() + "^" + a.name(), BirthDate: fmt.Sprintf("19%02d0101", a.random.IntN(100)), Sex: "O"}
	}
	return a
}

// name joins two to four syllables, the first ones much more often.
func (a *archive) name() string {
	syllables := []string{"ma", "ler", "ti", "son", "be", "ka", "ri", "no", "va", "sch", "mit", "ko", "wal", "ters", "fi", "gu", "lo", "pe", "xi", "zhu"}
	name := ""
	for range 2 + a.random.IntN(3) {
		name += syllables[int(float64(len(syllables))*a.random.Float64()*a.random.Float64())]
	}
	return string(name[0]-'a'+'A') + name[1:]
}

func (a *archive) study(n int) store.Instance {
	i := storetest.Instance(n, 1, 1)
	i.Patient = a.patients[a.random.IntN(len(a.patients))]
	day := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(float64(5*365*24*time.Hour) * float64(n) / studiesInBenchmark))
	i.StudyDate, i.StudyTime, i.Received = day.Format("20060102"), day.Format("150405"), day.Add(time.Hour)
	i.Modality = a.modality()
	return i
}

// modality draws one as an archive has them; NM is one in a thousand.
func (a *archive) modality() string {
	at := a.random.IntN(1000)
	for _, m := range []struct {
		name  string
		share int
	}{{"CR", 350}, {"CT", 200}, {"US", 150}, {"MR", 150}, {"DX", 100}, {"ECG", 49}} {
		if at -= m.share; at < 0 {
			return m.name
		}
	}
	return "NM"
}

// fill files the archive and gives it states as a node in use has them.
func (a *archive) fill(ctx context.Context, s *store.Store, n int) error {
	for from := 1; from <= n; from += 1000 {
		err := s.Tx(ctx, func(tx *store.Tx) error {
			for k := from; k < min(from+1000, n+1); k++ {
				i := a.study(k)
				if _, err := tx.AddInstance(ctx, i); err != nil {
					return err
				}
				state := store.StateSigned
				if k > n-2000 {
					state = []store.State{store.StateReady, store.StateQueued, store.StateFailed}[k%3]
				}
				if err := tx.SetState(ctx, i.Study, nil, state); err != nil {
					return err
				}
				urgency := []store.Urgency{1, 1, 1, 1, 1, 1, 1, 2, 2, 3}[k%10]
				if err := tx.SetOutcome(ctx, i.Study, urgency, "synthetic", 1); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return s.Tx(ctx, func(tx *store.Tx) error {
		for p := 0; p < len(a.patients); p += 50 { // one in fifty has decided something
			rules := []store.ConsentRule{{Purpose: clinical.PurposeResearch, From: time.Unix(1, 0), Allow: true}}
			if p%100 == 0 {
				rules = []store.ConsentRule{{Purpose: clinical.PurposeCare, From: time.Unix(1, 0)}}
			}
			if err := tx.ReplaceConsent(ctx, a.patients[p].ID, rules); err != nil {
				return err
			}
		}
		return nil
	})
}

// questions that a worklist, a viewer and a PACS ask; a fresh one each time.
func (a *archive) questions() []struct {
	name string
	ask  func() (store.Reader, store.StudyQuery)
} {
	care := func(q func() store.StudyQuery) func() (store.Reader, store.StudyQuery) {
		return func() (store.Reader, store.StudyQuery) {
			query := q()
			if query.Order != store.ByUrgency {
				query.CountTo = 1 // QIDO-RS tells no total; the worklist does
			}
			return store.Care, query
		}
	}
	patient := func() store.PatientKey { return a.patients[a.random.IntN(len(a.patients))] }
	month := func() (string, string) {
		m := fmt.Sprintf("%d%02d", 2021+a.random.IntN(5), 1+a.random.IntN(12))
		return m + "01", m + "31"
	}
	modality := func() []string { return []string{[]string{"CR", "CT", "MR", "ECG", "NM"}[a.random.IntN(5)]} }
	return []struct {
		name string
		ask  func() (store.Reader, store.StudyQuery)
	}{
		{"worklist by urgency", care(func() store.StudyQuery { return store.StudyQuery{Order: store.ByUrgency} })},
		{"worklist, page 20", care(func() store.StudyQuery { return store.StudyQuery{Order: store.ByUrgency, Offset: 1000} })},
		{"state, by urgency", care(func() store.StudyQuery {
			return store.StudyQuery{Order: store.ByUrgency, States: []store.State{[]store.State{"ready", "failed", "signed", "diagnosing"}[a.random.IntN(4)]}}
		})},
		{"patient ID", care(func() store.StudyQuery { return store.StudyQuery{PatientID: patient().ID} })},
		{"accession", care(func() store.StudyQuery {
			return store.StudyQuery{Accession: "A" + strconv.Itoa(a.random.IntN(studiesInBenchmark))}
		})},
		{"name, 2 letters and *", care(func() store.StudyQuery { return store.StudyQuery{PatientName: patient().Name[:2] + "*"} })},
		{"name, 6 letters and *", care(func() store.StudyQuery {
			n := patient().Name
			return store.StudyQuery{PatientName: n[:min(6, len(n))] + "*"}
		})},
		{"name, *inside*", care(func() store.StudyQuery {
			n := patient().Name
			return store.StudyQuery{PatientName: "*" + n[2:min(7, len(n))] + "*"}
		})},
		{"name, nobody's", care(func() store.StudyQuery { return store.StudyQuery{PatientName: "*qqq*"} })},
		{"text", care(func() store.StudyQuery {
			n := patient().Name
			return store.StudyQuery{Text: n[:min(5, len(n))], Order: store.ByUrgency}
		})},
		{"text, one study's", care(func() store.StudyQuery { return store.StudyQuery{Text: patient().ID[1:], Order: store.ByUrgency} })},
		{"date range", care(func() store.StudyQuery {
			from, to := month()
			return store.StudyQuery{DateFrom: from, DateTo: to, Order: store.ByDate}
		})},
		{"modality", care(func() store.StudyQuery { return store.StudyQuery{Modalities: modality()} })},
		{"modality and date", care(func() store.StudyQuery {
			from, to := month()
			return store.StudyQuery{Modalities: modality(), DateFrom: from, DateTo: to, Order: store.ByDate}
		})},
		{"name and modality and date", care(func() store.StudyQuery {
			from, to := month()
			return store.StudyQuery{PatientName: patient().Name[:1] + "*", Modalities: modality(), DateFrom: from, DateTo: to}
		})},
		{"for research", func() (store.Reader, store.StudyQuery) {
			return store.Reader{Purpose: clinical.PurposeResearch}, store.StudyQuery{Modalities: modality()}
		}},
	}
}

// BenchmarkSearch asks an archive of 100,000 studies. CONSILIUM_BENCH_POSTGRES=1 asks PostgreSQL.
//
//	go test ./store -run '^$' -bench Search -benchtime 200x
func BenchmarkSearch(b *testing.B) {
	o := store.Options{Timeout: 10 * time.Minute, DataDir: os.Getenv("CONSILIUM_BENCH_DIR")} // "" = made for this run
	if os.Getenv("CONSILIUM_BENCH_POSTGRES") != "" {
		o.URL = storetest.StartPostgres(b).Fresh(b)
	}
	s := storetest.Open(b, o)
	a := newArchive(studiesInBenchmark)
	if _, err := s.Study(b.Context(), store.Care, storetest.Instance(studiesInBenchmark, 1, 1).Study); err != nil {
		start := time.Now()
		if err := a.fill(b.Context(), s, studiesInBenchmark); err != nil {
			b.Fatal(err)
		}
		b.Logf("%d studies filed in %v", studiesInBenchmark, time.Since(start).Round(time.Second))
		if err := s.Optimize(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	for _, q := range a.questions() {
		b.Run(q.name, func(b *testing.B) {
			measure(b, func() error {
				r, query := q.ask()
				_, _, err := s.Studies(b.Context(), r, query)
				return err
			})
		})
	}
	b.Run("counts by state", func(b *testing.B) {
		measure(b, func() error {
			_, err := s.CountStates(b.Context(), store.Care)
			return err
		})
	})
}

// measure gives the median and the 99th percentile in milliseconds, and the
// latter of the processor's time alone, which neighbours on the machine do not stretch.
func measure(b *testing.B, f func() error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	processor := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(rusageThread, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	var took, used []time.Duration
	for b.Loop() {
		start, before := time.Now(), processor()
		if err := f(); err != nil {
			b.Fatal(err)
		}
		took, used = append(took, time.Since(start)), append(used, processor()-before)
	}
	slices.Sort(took)
	slices.Sort(used)
	at := func(list []time.Duration, p int) float64 {
		return float64(list[(len(list)-1)*p/100].Microseconds()) / 1000
	}
	b.ReportMetric(at(took, 50), "p50-ms")
	b.ReportMetric(at(took, 99), "p99-ms")
	b.ReportMetric(at(used, 99), "p99-cpu-ms")
	b.ReportMetric(0, "ns/op")
}

const rusageThread = 1 // RUSAGE_THREAD of Linux

// BenchmarkFiling files objects one transaction each, as a PACS sends them:
// blob and index, both durable. CONSILIUM_BENCH_POSTGRES=1 asks PostgreSQL.
func BenchmarkFiling(b *testing.B) {
	o := store.Options{}
	if os.Getenv("CONSILIUM_BENCH_POSTGRES") != "" {
		o.URL = storetest.StartPostgres(b).Fresh(b)
	}
	s := storetest.Open(b, o)
	content := make([]byte, 512*1024) // a CT image of 512x512x16
	n := 0
	for b.Loop() {
		n++
		i := storetest.Instance(1+n/200, 1, n)
		copy(content, i.SOP)
		var err error
		if i.Blob, i.Size, err = s.PutBlob(b.Context(), bytes.NewReader(content)); err != nil {
			b.Fatal(err)
		}
		if _, err := s.AddInstance(b.Context(), i); err != nil {
			b.Fatal(err)
		}
	}
}
