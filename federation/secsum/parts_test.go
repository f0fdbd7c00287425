package secsum

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"math"
	"testing"

	"pgregory.net/rapid"

	"consilium/fault"
)

func TestFixedNeverOverflows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		bound := math.Ldexp(rapid.Float64Range(1, 2).Draw(rt, "mantissa"), rapid.IntRange(-29, 59).Draw(rt, "exponent"))
		sites := rapid.IntRange(1, 255).Draw(rt, "sites")
		f, err := NewFixed(bound, sites)
		if err != nil {
			rt.Fatal(err)
		}
		if int64(f.Most)*int64(sites) > math.MaxInt32 {
			rt.Fatalf("%d sites of %d overflow", sites, f.Most)
		}
		if 2*bound*f.Scale <= float64(math.MaxInt32/sites) {
			rt.Fatalf("twice the scale would do as well: a bit is given away")
		}
		q, cut, err := f.Quantise([]float32{math.MaxFloat32, -math.MaxFloat32})
		if err != nil || cut != 2 || q[0] != f.Most || q[1] != -f.Most {
			rt.Fatal(q, cut, err)
		}
		v := float32(rapid.Float64Range(-bound, bound).Draw(rt, "value"))
		if math.Abs(float64(v)) > bound {
			return
		}
		q, cut, err = f.Quantise([]float32{v})
		if err != nil || cut != 0 || math.Abs(f.Value(q[0])-float64(v)) > 0.5/f.Scale {
			rt.Fatalf("%g became %g, half a unit is %g: cut %d, %v", v, f.Value(q[0]), 0.5/f.Scale, cut, err)
		}
	})
}

func TestFixedGolden(t *testing.T) {
	f, err := NewFixed(1, 23)
	if err != nil || f.Scale != 1<<26 || f.Most != 1<<26 {
		t.Fatal(f, err)
	}
	unit := float32(1.0 / (1 << 26))
	q, _, err := f.Quantise([]float32{0, 1, -1, unit, unit / 2, 3 * unit / 2, -unit / 2, 0.1})
	want := []int32{0, 1 << 26, -1 << 26, 1, 0, 2, 0, 6710886} // halves go to the even one
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if q[i] != want[i] {
			t.Errorf("value %d: %d, want %d", i, q[i], want[i])
		}
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		_, _, err := f.Quantise([]float32{1, float32(bad)})
		wantCode(t, err, fault.InputNotFinite)
	}
	for _, bad := range []float64{0, -1, math.NaN(), math.Inf(1), math.SmallestNonzeroFloat64} {
		_, err := NewFixed(bad, 3)
		wantCode(t, err, fault.Usage)
	}
}

func TestFieldGolden(t *testing.T) {
	if got := gfMul(0x57, 0x83); got != 0xc1 { // FIPS 197, section 4.2
		t.Errorf("57 times 83 is %x", got)
	}
	if got := gfInverse(0x53); got != 0xca {
		t.Errorf("1/53 is %x", got)
	}
	for a := range 256 {
		if p := gfMul(byte(a), gfInverse(byte(a))); a > 0 && p != 1 || a == 0 && p != 0 {
			t.Errorf("%x times its inverse is %x", a, p)
		}
	}
}

func TestShares(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(3, 40).Draw(rt, "sites")
		threshold := rapid.IntRange(2, n).Draw(rt, "threshold")
		secret := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(rt, "secret")
		pieces, err := split(secret, threshold, n)
		if err != nil {
			rt.Fatal(err)
		}
		order := rapid.Permutation(intsTo(n)).Draw(rt, "order")
		pick := func(k int) (holders []int, some [][]byte) {
			for _, i := range order[:k] {
				holders, some = append(holders, i), append(some, pieces[i])
			}
			return holders, some
		}
		if !bytes.Equal(join(pick(threshold)), secret) {
			rt.Fatal("a threshold of pieces does not give the secret")
		}
		if bytes.Equal(join(pick(threshold-1)), secret) { // 2^-256 by chance
			rt.Fatal("fewer than a threshold give the secret")
		}
		pieces[order[0]][5] ^= 1
		if bytes.Equal(join(pick(threshold)), secret) {
			rt.Fatal("a wrong piece is not noticed")
		}
	})
}

// TestSharesSayNothing: with one piece too few every secret is as likely, so a piece of a fixed secret is uniform.
func TestSharesSayNothing(t *testing.T) {
	var all []byte
	for range 4096 {
		pieces, err := split(make([]byte, 32), 3, 5)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, join([]int{1, 4}, [][]byte{pieces[1], pieces[4]})...)
	}
	if x := chiSquare(all); x > 255+7*22.6 {
		t.Errorf("chi-square %.0f", x)
	}
}

func TestSharesOf255(t *testing.T) {
	secret := []byte("every point of the field but zero")
	pieces, err := split(secret, 255, 255)
	if err != nil || !bytes.Equal(join(intsTo(255), pieces), secret) {
		t.Fatal(err)
	}
}

func intsTo(n int) (out []int) {
	for i := range n {
		out = append(out, i)
	}
	return out
}

// TestStream compares the chunks with one long stream of the standard library.
func TestStream(t *testing.T) {
	const length = 2*chunk + 77
	key := bytes.Repeat([]byte{7}, 32)
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	pad := make([]byte, 4*length)
	cipher.NewCTR(block, make([]byte, 16)).XORKeyStream(pad, pad)
	add, _ := newStream(key, false)
	subtract, _ := newStream(key, true)
	words := make([]uint32, length)
	for i := range words {
		words[i] = uint32(i)
	}
	mask(words, []stream{add, add, subtract})
	for i, w := range words {
		if want := uint32(i) + binary.LittleEndian.Uint32(pad[4*i:]); w != want {
			t.Fatalf("word %d is %x, want %x", i, w, want)
		}
	}
	mask(words, []stream{subtract})
	for i, w := range words {
		if w != uint32(i) {
			t.Fatalf("word %d is %x after the mask is off", i, w)
		}
	}
	mask(nil, []stream{add})
}
