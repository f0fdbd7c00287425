package harmonise

import (
	"math"
	"testing"

	"consilium/metric"
)

// classify learns to tell two classes apart by the first half of the rows, with a Gaussian a class and feature (naive
// Bayes, which sees shifts and spreads), and gives the AUC on the second half.
func classify(t *testing.T, rows [][]float32, labels []int) float64 {
	t.Helper()
	features := len(rows[0])
	type moment struct{ n, sum, square float64 }
	var stats [2][]moment
	for c := range stats {
		stats[c] = make([]moment, features)
	}
	half := len(rows) / 2
	for i := range half {
		for j, x := range rows[i] {
			s := &stats[labels[i]][j]
			s.n, s.sum, s.square = s.n+1, s.sum+float64(x), s.square+float64(x)*float64(x)
		}
	}
	var scores []float64
	for _, row := range rows[half:] {
		score := 0.0
		for j, x := range row {
			for c := range stats {
				s := stats[c][j]
				mean := s.sum / s.n
				variance := max(1e-6, s.square/s.n-mean*mean)
				d := float64(x) - mean
				score += float64(2*c-1) * (-d*d/variance - math.Log(variance)) / 2
			}
		}
		scores = append(scores, score)
	}
	auc, err := metric.AUC(scores, labels[half:])
	if err != nil {
		t.Fatal(err)
	}
	return auc
}

// mix puts the rows of two sites in turn, with the site as the label.
func mix(a, b memory) (rows [][]float32, site, label []int) {
	for i := range min(len(a.rows), len(b.rows)) {
		rows = append(rows, a.rows[i], b.rows[i])
		site = append(site, 0, 1)
		label = append(label, a.labels[i], b.labels[i])
	}
	return rows, site, label
}

func TestCombatHidesTheSiteAndKeepsTheDisease(t *testing.T) {
	for name, c := range map[string]struct{ shift, scale, vary float64 }{
		"shift":           {1.5, 1, 0},
		"scale":           {0, 2, 0},
		"both, uneven":    {0.8, 1.5, 0.5},
		"darker, flatter": {-0.7, 0.6, 0.3},
	} {
		t.Run(name, func(t *testing.T) {
			// The adjustment is fitted on half of a site's patients, and judged on the others.
			first := hospital{n: 2000, scale: 1, signal: 0.6, features: 12, seed: 11}.examples()
			second := hospital{n: 2000, shift: c.shift, scale: c.scale, vary: c.vary, signal: 0.6, features: 12, seed: 22, effects: 5}.examples()
			learn := []memory{first.part(0, 1000), second.part(0, 1000)}
			first, second = first.part(1000, 2000), second.part(1000, 2000)
			aucs := func(a, b memory) (site, disease float64) {
				rows, sites, labels := mix(a, b)
				return classify(t, rows, sites), classify(t, rows, labels)
			}
			alone := classify(t, first.rows, first.labels)
			siteBefore, before := aucs(first, second)
			standard := fit(t, Standardise, learn)
			siteStandard, afterStandard := aucs(adjust(t, first, standard[0]), adjust(t, second, standard[1]))
			a := fit(t, Combat, learn)
			siteAfter, after := aucs(adjust(t, first, a[0]), adjust(t, second, a[1]))
			t.Logf("AUC of the site: %.3f as measured, %.3f standardised, %.3f with combat; of the disease: %.3f, %.3f, %.3f; one site alone %.3f",
				siteBefore, siteStandard, siteAfter, before, afterStandard, after, alone)
			if siteBefore < 0.95 || siteStandard < 0.95 {
				t.Errorf("the site effect is too weak to test: AUC %.3f, standardised %.3f", siteBefore, siteStandard)
			}
			if math.Abs(siteAfter-0.5) > 0.06 {
				t.Errorf("the site can be told with AUC %.3f after combat", siteAfter)
			}
			if after < before || after < alone-0.04 {
				t.Errorf("the disease has AUC %.3f after combat, %.3f before, %.3f at one site", after, before, alone)
			}
		})
	}
}

func TestCombatLeavesAlikeSitesAlike(t *testing.T) {
	one := hospital{n: 400, scale: 1, signal: 0.5, features: 8, seed: 3}.examples()
	a := fit(t, Combat, []memory{one, one, one})
	standard := fit(t, Standardise, []memory{one, one, one})
	for s := range a {
		for j := range a[s].Shift {
			// Standardise divides by n, ComBat's variance of a site by n-1.
			if math.Abs(a[s].Shift[j]-standard[s].Shift[j]) > 1e-6 || math.Abs(a[s].Scale[j]/standard[s].Scale[j]-1) > 1.0/400 {
				t.Errorf("site %d feature %d: combat %g, %g; standardise %g, %g", s, j, a[s].Shift[j], a[s].Scale[j], standard[s].Shift[j], standard[s].Scale[j])
			}
		}
	}
	// Other patients of the same kind: what is left is chance, and it is shrunk.
	var sites []memory
	for seed := range uint64(4) {
		sites = append(sites, hospital{n: 200, scale: 1, features: 8, seed: 40 + seed}.examples())
	}
	var own, shrunk float64
	for s, a := range fit(t, Combat, sites) {
		m := measure(t, sites[s])
		for j := range a.Shift {
			whole := fit(t, Standardise, sites)[s]
			if d := (a.Shift[j] - whole.Shift[j]) / whole.Scale[j]; math.Abs(d) > 0.2 {
				t.Errorf("site %d feature %d is shifted by %g without reason", s, j, d)
			}
			own += math.Abs(m.Sum[j]/m.N - whole.Shift[j])
			shrunk += math.Abs(a.Shift[j] - whole.Shift[j])
		}
	}
	if shrunk > own*0.95 {
		t.Errorf("chance is not shrunk: %g of %g", shrunk, own)
	}
}

// The smaller a site, the closer to the mean effect of its features.
func TestSmallSitesAreShrunkMore(t *testing.T) {
	distance := func(n int) float64 {
		big := hospital{n: 800, scale: 1, features: 30, seed: 7}.examples()
		site := hospital{n: n, shift: 1, scale: 1, vary: 0.1, features: 30, seed: 8, effects: 9}.examples()
		a, m := fit(t, Combat, []memory{big, site})[1], measure(t, site)
		var mean, kept, raw float64
		for j := range a.Shift {
			mean += a.Shift[j] / 30
		}
		var own float64
		for j := range a.Shift {
			own += m.Sum[j] / m.N / 30
		}
		for j := range a.Shift {
			kept += (a.Shift[j] - mean) * (a.Shift[j] - mean)
			raw += (m.Sum[j]/m.N - own) * (m.Sum[j]/m.N - own)
		}
		return kept / raw
	}
	small, large := distance(6), distance(800)
	t.Logf("of the variance of shifts over features, %.3f is kept with 6 patients, %.3f with 800", small, large)
	if small > 0.9 || large < 0.97 {
		t.Errorf("%.3f is kept with 6 patients, %.3f with 800", small, large)
	}
}
