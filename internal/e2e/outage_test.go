package e2e

import (
	"slices"
	"testing"
	"time"

	"solewatch/internal/standin"
)

// Twenty times the table goes away, in different ways, and comes back: the page says so within five seconds, and is live again within five, with nobody touching it.
func TestPageThroughTwentyOutages(t *testing.T) {
	w := start(t, nil)
	b := startBrowser(t)
	b.signIn(w.Web, supervisor, password)
	ways := []standin.Fault{
		{Service: "dynamodb", Kind: standin.FaultRefuse},
		{Service: "dynamodb", Kind: standin.Fault5xx},
		{Service: "dynamodb", Kind: standin.FaultThrottle},
		{Service: "dynamodb", Kind: standin.FaultDelay, Delay: standin.Duration(30 * time.Second)},
	}
	var gone, back []time.Duration
	for n := range 20 {
		w.faults(ways[n%len(ways)])
		began := time.Now()
		b.do(order{"do": "see", "at": "#board[data-mode=UNAVAILABLE]", "ms": 5000})
		gone = append(gone, time.Since(began))
		w.faults()
		began = time.Now()
		b.do(order{"do": "see", "at": "#board[data-mode=LIVE]", "ms": 5000})
		back = append(back, time.Since(began))
	}
	slices.Sort(gone)
	slices.Sort(back)
	t.Logf("unavailable after %v at most, %v at the median; live again after %v at most, %v at the median",
		gone[19].Round(time.Millisecond), gone[10].Round(time.Millisecond), back[19].Round(time.Millisecond), back[10].Round(time.Millisecond))
}
