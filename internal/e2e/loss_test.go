package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"solewatch/internal/fleet"
	"solewatch/internal/insole"
	"solewatch/internal/standin"
	"solewatch/internal/store"
)

// table opens the system's table as a program outside it would.
func (w *world) table() *store.Store {
	w.t.Helper()
	cfg := aws.Config{
		Region: "eu-west-3", BaseEndpoint: aws.String(w.Services),
		Credentials: credentials.NewStaticCredentialsProvider("LOCALOPERATOR", "local", ""),
	}
	return store.New(cfg, w.Template.Outputs["TableName"], store.Steady)
}

// Promise 1, through every program: what an insole may forget is in the table, though the bridge is killed twenty times under load and
// every queue and table call may fail, or succeed and not say so. The oracle is the log that the insoles write.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	w := start(t, map[string]string{"BRIDGE_LINGER": "300ms"})
	dir := t.TempDir()
	log, keys := filepath.Join(dir, "oracle.jsonl"), filepath.Join(dir, "keys.json")
	file, err := json.Marshal(map[string]any{"insoles": w.nightShift()})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keys, file, 0o600); err != nil {
		t.Fatal(err)
	}
	began := time.Now().Add(-time.Minute)
	var said bytes.Buffer
	c := exec.Command(filepath.Join(programs, "insole"), "-addr", w.Insoles, "-keys", keys, "-control", "", "-log", log,
		"-interval", "1s", "-still-interval", "1s", "-profile", "storm", "-help-every", "2s")
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		if t.Failed() {
			t.Logf("the fleet said:\n%s\nmissing: %s", said.Bytes(), lack)
		}
	})

	w.faults(
		standin.Fault{Service: "sqs", Kind: standin.FaultPartialBatch, Probability: 0.1},
		standin.Fault{Service: "sqs", Kind: standin.FaultLostReply, Probability: 0.05},
		standin.Fault{Service: "sqs", Kind: standin.FaultRefuse, Probability: 0.05},
		standin.Fault{Service: "dynamodb", Kind: standin.FaultLostReply, Probability: 0.02},
		standin.Fault{Service: "dynamodb", Kind: standin.FaultThrottle, Probability: 0.05},
	)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	for n := range 20 {
		// Not before insoles are heard again, so that every kill strikes a bridge at work.
		before := len(acknowledged(t, log))
		until(t, fmt.Sprintf("acknowledgements before kill %d", n+1), func() bool { return len(acknowledged(t, log)) >= before+20 })
		if err := w.KillBridge(); err != nil {
			t.Fatal(err)
		}
		if err := w.RestartBridge(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatalf("fleet: %v\n%s", err, said.Bytes())
	}
	w.faults()

	acked := acknowledged(t, log)
	var missing []string
	table := w.table()
	until(t, "every acknowledged report in the table", func() bool {
		missing = missing[:0]
		stored := map[insole.ID]map[string]bool{}
		for a := range acked {
			if stored[a.insole] == nil {
				stored[a.insole] = w.stored(table, a.insole, began)
			}
			if !stored[a.insole][a.key] {
				missing = append(missing, string(a.insole)+" "+a.key+" "+string(acked[a]))
			}
		}
		if len(missing) > 0 {
			lack = fmt.Sprintf("%d of %d, such as %s", len(missing), len(acked), missing[0])
		}
		return len(missing) == 0
	})
	t.Logf("%d reports acknowledged over 20 kills, 0 not stored", len(acked))
}

// lack is what the last look still missed, for whoever reads a failure.
var lack string

type reported struct {
	insole insole.ID
	key    string
}

// acknowledged reads the oracle log.
func acknowledged(t testing.TB, path string) map[reported]insole.Kind {
	t.Helper()
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[reported]insole.Kind{}
	for s := bufio.NewScanner(f); s.Scan(); {
		var l fleet.Line
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			continue // the line that is being written
		}
		if l.What != fleet.Acked {
			continue
		}
		for _, r := range l.Reports {
			out[reported{l.Insole, name(r.Key)}] = r.Kind
		}
	}
	return out
}

// name is a report's key as history keeps it: of a public dialect's, the first half of the hash.
func name(key string) string {
	if _, hash, ok := strings.Cut(key, "-"); ok && key[0] == 't' && len(hash) >= 8 {
		n, err := strconv.ParseUint(hash[:8], 16, 32)
		if err == nil {
			return fmt.Sprintf("t%08x", uint32(n)|1)
		}
	}
	return key
}

// stored is every report of an insole that the table has.
func (w *world) stored(table *store.Store, id insole.ID, since time.Time) map[string]bool {
	w.t.Helper()
	points, err := table.Positions(w.t.Context(), "demo", w.keys[id].Worker, id, since.Add(-24*time.Hour), time.Now().Add(time.Hour))
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string]bool{}
	for _, p := range points {
		if p.Hash != 0 {
			out[fmt.Sprintf("t%08x", p.Hash)] = true
			continue
		}
		out[p.Name().String()] = true
	}
	return out
}

// nightShift is every insole of the night team.
func (w *world) nightShift() []entry {
	var out []entry
	for _, e := range w.keys {
		if e.Org == "demo" && w.teams[string(e.Worker)] == night {
			out = append(out, e)
		}
	}
	return out
}
