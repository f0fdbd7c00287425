package harmonise

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// central is ComBat as Johnson, Li and Rabinovic (2007) write it, with all patients' data in one place and without
// covariates: the adjusted value of every feature of every patient.
func central(sites []memory) [][][]float64 {
	features := len(sites[0].rows[0])
	total := 0.0
	mean, variance := make([]float64, features), make([]float64, features)
	siteMean := make([][]float64, len(sites))
	for s, m := range sites {
		siteMean[s] = make([]float64, features)
		for _, row := range m.rows {
			for j, x := range row {
				siteMean[s][j] += float64(x) / float64(len(m.rows))
				mean[j] += float64(x)
			}
		}
		total += float64(len(m.rows))
	}
	for j := range mean {
		mean[j] /= total
		for s, m := range sites {
			for _, row := range m.rows {
				variance[j] += math.Pow(float64(row[j])-siteMean[s][j], 2) / total
			}
		}
	}
	var out [][][]float64
	for _, m := range sites {
		n := float64(len(m.rows))
		z := make([][]float64, len(m.rows)) // standardised
		for i, row := range m.rows {
			for j, x := range row {
				z[i] = append(z[i], (float64(x)-mean[j])/math.Sqrt(variance[j]))
			}
		}
		average := func(f func(j int) float64) (mean, variance float64) {
			for j := range features {
				mean += f(j) / float64(features)
			}
			for j := range features {
				variance += math.Pow(f(j)-mean, 2) / float64(features-1)
			}
			return mean, variance
		}
		gamma, delta := make([]float64, features), make([]float64, features)
		for j := range features {
			for i := range z {
				gamma[j] += z[i][j] / n
			}
			for i := range z {
				delta[j] += math.Pow(z[i][j]-gamma[j], 2) / (n - 1)
			}
		}
		gammaBar, tau2 := average(func(j int) float64 { return gamma[j] })
		v, s2 := average(func(j int) float64 { return delta[j] })
		lambda := (v*v + 2*s2) / s2
		theta := (v*v*v + v*s2) / s2
		for j := range features {
			g, d := gamma[j], delta[j]
			for range 100 {
				g = (n*tau2*gamma[j] + d*gammaBar) / (n*tau2 + d)
				ss := 0.0
				for i := range z {
					ss += (z[i][j] - g) * (z[i][j] - g)
				}
				d = (theta + ss/2) / (n/2 + lambda - 1)
			}
			for i := range z {
				z[i][j] = (z[i][j] - g) / math.Sqrt(d)
			}
		}
		out = append(out, z)
	}
	return out
}

func threeSites(t *rapid.T) []memory {
	var sites []memory
	for s := range 3 {
		sites = append(sites, hospital{
			n:     rapid.IntRange(5, 60).Draw(t, "n"),
			shift: rapid.Float64Range(-2, 2).Draw(t, "shift"), scale: rapid.Float64Range(0.5, 2).Draw(t, "scale"),
			vary: rapid.Float64Range(0.05, 0.5).Draw(t, "vary"), features: 6,
			seed: rapid.Uint64().Draw(t, "seed"), effects: uint64(s),
		}.examples())
	}
	return sites
}

// fitAll is fit inside a property.
func fitAll(t *rapid.T, kind string, sum []float64, all []Moments) []Adjustment {
	var out []Adjustment
	for _, m := range all {
		a, err := Fit(kind, sum, most, len(all), m)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, a)
	}
	return out
}

func measureAll(t *rapid.T, sites []memory) []Moments {
	var all []Moments
	for _, s := range sites {
		m, err := Measure(s, "train")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

func TestFederatedIsCentral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sites := threeSites(t)
		all := measureAll(t, sites)
		want := central(sites)
		for s, a := range fitAll(t, Combat, add(all, most), all) {
			for i, row := range sites[s].rows {
				for j, x := range row {
					if got := (float64(x) - a.Shift[j]) / a.Scale[j]; math.Abs(got-want[s][i][j]) > 1e-6*(1+math.Abs(want[s][i][j])) {
						t.Fatalf("site %d patient %d feature %d: %.9g, with all data in one place %.9g", s, i, j, got, want[s][i][j])
					}
				}
			}
		}
	})
}

func TestStandardiseGivesMeanZeroAndSpreadOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sites := threeSites(t)
		all := measureAll(t, sites)
		adjusted := fitAll(t, Standardise, add(all, most), all)
		for j := range 6 {
			var n, sum, square float64
			for s, site := range sites {
				if !slices.Equal(adjusted[s].Shift, adjusted[0].Shift) || !slices.Equal(adjusted[s].Scale, adjusted[0].Scale) {
					t.Fatal("two sites are adjusted differently")
				}
				for _, row := range site.rows {
					z := (float64(row[j]) - adjusted[s].Shift[j]) / adjusted[s].Scale[j]
					n, sum, square = n+1, sum+z, square+z*z
				}
			}
			if mean := sum / n; math.Abs(mean) > 1e-5 || math.Abs(square/n-mean*mean-1) > 1e-5 {
				t.Fatalf("feature %d has mean %g and mean square %g", j, mean, square/n)
			}
		}
	})
}

func TestTheOrderOfSitesAndFeaturesDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sites := threeSites(t)
		all := measureAll(t, sites)
		kind := rapid.SampledFrom([]string{Standardise, Combat}).Draw(t, "kind")
		before := fitAll(t, kind, add(all, most), all)
		order := rapid.Permutation([]int{0, 1, 2}).Draw(t, "sites")
		columns := rapid.Permutation([]int{0, 1, 2, 3, 4, 5}).Draw(t, "features")
		var turned []Moments
		for _, s := range order {
			m := Moments{N: all[s].N}
			for _, j := range columns {
				m.Sum, m.Square = append(m.Sum, all[s].Sum[j]), append(m.Square, all[s].Square[j])
			}
			turned = append(turned, m)
		}
		for k, a := range fitAll(t, kind, add(turned, most), turned) {
			for i, j := range columns {
				b := before[order[k]]
				if math.Abs(a.Shift[i]-b.Shift[j]) > 1e-9 || math.Abs(a.Scale[i]-b.Scale[j]) > 1e-9 {
					t.Fatalf("site %d feature %d: %g, %g; turned %g, %g", order[k], j, b.Shift[j], b.Scale[j], a.Shift[i], a.Scale[i])
				}
			}
		}
	})
}

// A secure sum rounds every number: 32 bits for up to 23 sites and values up to 8. Even with a handful of patients, who
// weigh little beside most, that is far below what chance does to their means.
func TestASumInFixedPointIsGoodEnough(t *testing.T) {
	const unit = 2 * 23 * 8.0 / (1 << 32)
	rapid.Check(t, func(t *rapid.T) {
		sites := threeSites(t)
		all := measureAll(t, sites)
		exact := add(all, most)
		rounded := make([]float64, len(exact))
		for _, m := range all {
			for i, x := range Share(m, most) {
				rounded[i] += math.RoundToEven(float64(x)/unit) * unit
			}
		}
		kind := rapid.SampledFrom([]string{Standardise, Combat}).Draw(t, "kind")
		other := fitAll(t, kind, rounded, all)
		for s, a := range fitAll(t, kind, exact, all) {
			for j := range a.Shift {
				if math.Abs(a.Shift[j]-other[s].Shift[j]) > 2e-2*a.Scale[j] || math.Abs(a.Scale[j]/other[s].Scale[j]-1) > 3e-2 {
					t.Fatalf("%s, site %d feature %d: %g, %g; rounded %g, %g", kind, s, j, a.Shift[j], a.Scale[j], other[s].Shift[j], other[s].Scale[j])
				}
			}
		}
	})
}

func TestSharesLieWithinOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Moments{N: float64(rapid.IntRange(1, 1<<21).Draw(t, "n"))}
		for range 5 {
			m.Sum = append(m.Sum, m.N*rapid.Float64Range(-Reach, Reach).Draw(t, "mean"))
			m.Square = append(m.Square, m.N*rapid.Float64Range(0, 1e9).Draw(t, "square"))
		}
		share := Share(m, 1<<rapid.IntRange(0, 20).Draw(t, "most"))
		if len(share) != ShareLen([]int{5}) || !(share[0] > 0) {
			t.Fatalf("a share of %d numbers that weighs %g", len(share), share[0])
		}
		for i, x := range share {
			if !(x >= -1 && x <= 1) {
				t.Fatalf("number %d is %g", i, x)
			}
		}
	})
	for _, bad := range []Moments{{}, {N: math.NaN(), Sum: []float64{1}, Square: []float64{1}}, {N: 1, Sum: []float64{math.Inf(1)}, Square: []float64{1}},
		{N: 1, Sum: []float64{1}, Square: []float64{-1}}, {N: 1, Sum: []float64{1}, Square: []float64{math.NaN()}}} {
		if share := Share(bad, 16); slices.ContainsFunc(share, func(x float32) bool { return x != 0 }) {
			t.Errorf("%+v is shared as %v", bad, share)
		}
	}
}

// A site beyond most examples counts as one with so many, as it does in a round.
func TestMostBoundsAWeight(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var all []Moments
	for range 2 {
		all = append(all, Moments{N: 5000, Sum: []float64{5000 * r.Float64()}, Square: []float64{5000}})
	}
	all[1].N, all[1].Sum[0], all[1].Square[0] = 2000, all[1].Sum[0]/2.5, 2000
	a, err := Fit(Standardise, add(all, 1024), 1024, 2, all[0])
	if want := (all[0].Sum[0]/5000 + all[1].Sum[0]/2000) / 2; err != nil || math.Abs(a.Shift[0]-want) > 1e-6 {
		t.Errorf("the mean is %v, %v; want %g", a.Shift, err, want)
	}
}
