package storm

import (
	"os"
	"strconv"
	"testing"
)

// people is how many press: 500, or as many as STORM_PEOPLE says (make storm: 20,000).
func people(t *testing.T) int {
	t.Helper()
	v, ok := os.LookupEnv("STORM_PEOPLE")
	if !ok {
		return 500
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		t.Fatalf("STORM_PEOPLE=%q is not a number of people", v)
	}
	return n
}
