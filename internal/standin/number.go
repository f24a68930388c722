package standin

import (
	"bytes"
	"math/big"
	"strconv"
	"strings"
)

// DynamoDB's numbers: 38 significant digits, magnitudes 1e-130 to 9.99…e+125.
const (
	maxDigits   = 38
	maxExponent = 125
	minExponent = -130
)

// A decimal is ±0.d1d2d3… × 10^exp with d1 and the last digit not zero; zero has no digits.
type decimal struct {
	neg    bool
	digits string
	exp    int
}

func notANumber(s string) error {
	return invalid("The parameter cannot be converted to a numeric value: " + s)
}

// readDecimal reads [+-]digits[.digits][e[+-]digits].
func readDecimal(s string) (decimal, error) {
	var d decimal
	rest := s
	if rest != "" && (rest[0] == '-' || rest[0] == '+') {
		d.neg = rest[0] == '-'
		rest = rest[1:]
	}
	exp := 0
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		e, err := strconv.Atoi(rest[i+1:])
		if err != nil || e > 1e6 || e < -1e6 {
			return d, notANumber(s)
		}
		exp, rest = e, rest[:i]
	}
	whole, frac, _ := strings.Cut(rest, ".")
	all := whole + frac
	if all == "" || strings.Trim(all, "0123456789") != "" {
		return d, notANumber(s)
	}
	trimmed := strings.TrimLeft(all, "0")
	d.exp = len(whole) - (len(all) - len(trimmed)) + exp
	d.digits = strings.TrimRight(trimmed, "0")
	if d.digits == "" {
		return decimal{}, nil
	}
	switch {
	case len(d.digits) > maxDigits:
		return d, invalid("Attempting to store more than 38 significant digits in a Number")
	case d.exp-1 > maxExponent:
		return d, invalid("Number overflow. Attempting to store a number with magnitude larger than supported range")
	case d.exp-1 < minExponent:
		return d, invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range")
	}
	return d, nil
}

// String writes d without an exponent and without needless zeros, as DynamoDB answers.
func (d decimal) String() string {
	if d.digits == "" {
		return "0"
	}
	var b strings.Builder
	if d.neg {
		b.WriteByte('-')
	}
	switch {
	case d.exp <= 0:
		b.WriteString("0." + strings.Repeat("0", -d.exp) + d.digits)
	case d.exp >= len(d.digits):
		b.WriteString(d.digits + strings.Repeat("0", d.exp-len(d.digits)))
	default:
		b.WriteString(d.digits[:d.exp] + "." + d.digits[d.exp:])
	}
	return b.String()
}

// normalNumber checks a number and spells it the one way it is stored.
func normalNumber(s string) (string, error) {
	if plainInt(s) {
		return s, nil
	}
	d, err := readDecimal(s)
	if err != nil {
		return "", err
	}
	return d.String(), nil
}

// plainInt spots the common case: a short whole number already in its normal form.
func plainInt(s string) bool {
	if s == "" || len(s) > 18 || (s[0] == '0' && len(s) > 1) {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// orderedNumber spells a normal number so that byte order is numeric order.
func orderedNumber(s string) []byte {
	d, err := readDecimal(s)
	if err != nil || d.digits == "" {
		return []byte{0x80}
	}
	out := make([]byte, 0, len(d.digits)+3)
	out = append(out, 0x81, byte((d.exp+200)>>8), byte(d.exp+200))
	for i := range len(d.digits) {
		out = append(out, d.digits[i]-'0'+1)
	}
	out = append(out, 0)
	if d.neg {
		for i := range out {
			out[i] = ^out[i]
		}
	}
	return out
}

func compareNumbers(a, b string) int {
	if a == b {
		return 0
	}
	if plainInt(a) && plainInt(b) {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	}
	return bytes.Compare(orderedNumber(a), orderedNumber(b))
}

// addNumbers returns a+b, or a-b, normalised; more than 38 digits is an error, as in DynamoDB.
func addNumbers(a, b string, minus bool) (string, error) {
	x, err := readDecimal(a)
	if err != nil {
		return "", err
	}
	y, err := readDecimal(b)
	if err != nil {
		return "", err
	}
	scale := max(len(x.digits)-x.exp, len(y.digits)-y.exp, 0)
	xi, yi := x.scaled(scale), y.scaled(scale)
	if minus {
		xi.Sub(xi, yi)
	} else {
		xi.Add(xi, yi)
	}
	return normalNumber(xi.String() + "e-" + strconv.Itoa(scale))
}

// scaled is d × 10^scale, which must be whole.
func (d decimal) scaled(scale int) *big.Int {
	n := new(big.Int)
	if d.digits == "" {
		return n
	}
	n.SetString(d.digits, 10)
	n.Mul(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale+d.exp-len(d.digits))), nil))
	if d.neg {
		n.Neg(n)
	}
	return n
}

// numberSize is about one byte for two digits, and one; as DynamoDB bills it.
func numberSize(s string) int {
	d, err := readDecimal(s)
	if err != nil {
		return 1
	}
	n := (len(d.digits)+1)/2 + 1
	if d.neg {
		n++
	}
	return n
}
