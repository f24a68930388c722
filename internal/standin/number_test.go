package standin

import (
	"bytes"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// decimals draws numbers that DynamoDB takes, in many spellings.
var decimals = rapid.Custom(func(t *rapid.T) string {
	s := rapid.StringMatching(`-?[0-9]{1,12}(\.[0-9]{1,12})?(e-?[0-9]{1,2})?`).Draw(t, "n")
	if _, err := readDecimal(s); err != nil {
		t.Skip("not within DynamoDB's limits")
	}
	return s
})

func exact(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic("not a number: " + s)
	}
	return r
}

func TestNumbersKeepTheirValueAndOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := decimals.Draw(t, "a"), decimals.Draw(t, "b")
		na, err := normalNumber(a)
		if err != nil {
			t.Fatal(err)
		}
		nb, err := normalNumber(b)
		if err != nil {
			t.Fatal(err)
		}
		if exact(a).Cmp(exact(na)) != 0 {
			t.Fatalf("normalNumber(%s) = %s: another value", a, na)
		}
		if again, _ := normalNumber(na); again != na {
			t.Fatalf("normalNumber(%s) = %s: not stable", na, again)
		}
		want := exact(a).Cmp(exact(b))
		if got := bytes.Compare(orderedNumber(na), orderedNumber(nb)); got != want {
			t.Fatalf("order of %s and %s = %d, want %d", na, nb, got, want)
		}
		if got := compareNumbers(na, nb); (got < 0) != (want < 0) || (got > 0) != (want > 0) {
			t.Fatalf("compareNumbers(%s, %s) = %d, want %d", na, nb, got, want)
		}
		if (want == 0) != (na == nb) {
			t.Fatalf("%s and %s: one value must have one spelling", na, nb)
		}
		for _, minus := range []bool{false, true} {
			sum := new(big.Rat).Add(exact(a), exact(b))
			if minus {
				sum.Sub(exact(a), exact(b))
			}
			got, err := addNumbers(na, nb, minus)
			if err == nil && exact(got).Cmp(sum) != 0 {
				t.Fatalf("addNumbers(%s, %s, %v) = %s, want %s", na, nb, minus, got, sum.FloatString(40))
			}
		}
	})
}

// keys draws key attribute values of one type.
func keys(kind string) *rapid.Generator[value] {
	return rapid.Custom(func(t *rapid.T) value {
		switch kind {
		case "N":
			n, _ := normalNumber(decimals.Draw(t, "n"))
			return value{kind: "N", s: n}
		case "B":
			return value{kind: "B", s: string(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 2, 'a', 0xfe, 0xff}), 0, 6).Draw(t, "b"))}
		}
		return value{kind: "S", s: rapid.StringN(0, 6, -1).Draw(t, "s")}
	})
}

func TestKeysKeepOrder(t *testing.T) {
	for _, kind := range []string{"S", "N", "B"} {
		rapid.Check(t, func(t *rapid.T) {
			a, b := keys(kind).Draw(t, "a"), keys(kind).Draw(t, "b")
			want, _ := a.compare(b)
			tail := []byte("anything")
			got := bytes.Compare(slices.Concat(appendKey(nil, a), tail), slices.Concat(appendKey(nil, b), tail))
			if (got < 0) != (want < 0) || (got > 0) != (want > 0) {
				t.Fatalf("order of %q and %q as keys = %d, want %d", a.s, b.s, got, want)
			}
			if a.s != b.s && bytes.HasPrefix(appendKey(nil, a), appendKey(nil, b)) {
				t.Fatalf("key of %q begins with key of %q", a.s, b.s)
			}
		})
	}
}
