package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"solewatch/internal/cost"
	"solewatch/internal/insole"
)

// What a fleet costs, through every program: a thousand insoles that walk and report every ten seconds, with the linger of the template's
// default, and one page that looks on. Two minutes; the units are counted as AWS bills them. Run with -benchtime 1x.
func BenchmarkFleetCost(b *testing.B) {
	const insoles, seconds = 1000, 120
	for range b.N {
		w := start(b, map[string]string{"BRIDGE_LINGER": "30s"})
		dir := b.TempDir()
		org, keys := filepath.Join(dir, "fleet.yaml"), filepath.Join(dir, "keys.json")
		if err := os.WriteFile(org, []byte(fleetOrg(insoles)), 0o600); err != nil {
			b.Fatal(err)
		}
		p := exec.Command(filepath.Join(programs, "provision"), "-f", org, "-keys", keys)
		p.Env = w.Environ()
		if out, err := p.CombinedOutput(); err != nil {
			b.Fatalf("provisioning: %v\n%s", err, out)
		}
		watcher := signIn(b, w.Web, "fleet@fleet.example", "fleet-bench-2026")
		watcher.open(b.Context())
		log := filepath.Join(dir, "oracle.jsonl")
		c := exec.Command(filepath.Join(programs, "insole"), "-addr", w.Insoles, "-keys", keys, "-control", "", "-log", log, "-no-gaps",
			"-interval", "10s", "-still-interval", "10s")
		if err := c.Start(); err != nil {
			b.Fatal(err)
		}
		until(b, "the fleet to be heard", func() bool { return len(acknowledged(b, log)) >= insoles*9/10 })
		before, count := cost.Of(w.Standin.Usage()), len(acknowledged(b, log))
		time.Sleep(seconds * time.Second) // real programs on a real clock: this is the measurement
		bill, reports := cost.Of(w.Standin.Usage()).Sub(before), len(acknowledged(b, log))-count
		c.Process.Signal(syscall.SIGTERM)
		c.Wait()
		bill.Print(os.Stdout, reports)
		var writes, requests float64
		for _, l := range bill {
			switch {
			case strings.HasPrefix(l.Name, "DynamoDB write"):
				writes += l.Units
			case strings.HasPrefix(l.Name, "SQS"):
				requests += l.Units
			}
		}
		b.ReportMetric(float64(reports), "reports")
		b.ReportMetric(writes/float64(reports)*1000, "WU/1000reports")
		b.ReportMetric(requests/float64(reports)*1000, "SQS/1000reports")
		b.ReportMetric(bill.Total()/float64(reports)*1e6, "$/Mreports")
	}
}

// fleetOrg is a provisioning file with n insoles, each worn. (JSON is YAML.)
func fleetOrg(n int) string {
	type m = map[string]any
	var feet, workers []m
	for i := range n {
		id := insole.ID(fmt.Sprintf("f1ee7000%08x", i))
		feet = append(feet, m{"insole": id, "dialect": "sole"})
		workers = append(workers, m{"worker": fmt.Sprintf("w%04d", i), "team": "all", "name": fmt.Sprintf("Walker %d", i), "insole": id})
	}
	b, err := json.MarshalIndent(m{"orgs": []m{{
		"org": "fleet", "name": "Fleet", "locale": "en",
		"contacts": []m{{"contact": "desk", "name": "Desk", "phone": "+33639980097", "locale": "en"}},
		"teams":    []m{{"team": "all", "name": "All", "steps": []m{{"delay": "0s", "contacts": []string{"desk"}, "channels": []string{"sms"}}}}},
		"insoles":  feet, "workers": workers,
		"users": []m{{"user": "fleet", "email": "fleet@fleet.example", "name": "Fleet", "role": "viewer", "locale": "en", "password": "fleet-bench-2026"}},
	}}}, "", " ")
	if err != nil {
		panic(err)
	}
	return string(b)
}
