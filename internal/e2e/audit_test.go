package e2e

import (
	"testing"
	"time"

	"solewatch/internal/audit"
	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/wire/sole"
)

// With the real programs, in both languages: the dossier of an incident is sound, has what the insole told, says what became of every page, and its
// decisions come out the same when they are made again from the frames.
func TestDossierOfASOS(t *testing.T) {
	w := start(t, nil)
	claire := signIn(t, w.Web, supervisor, password)
	screen := claire.open(t.Context())
	for _, d := range []insole.Dialect{insole.SOLE, insole.Teltonika} {
		t.Run(string(d), func(t *testing.T) {
			e := w.of(d, 0)
			if d == insole.SOLE {
				f := connectSOLE(t, w.Insoles, e.Insole, e.Key)
				f.say(sole.Record{Kind: insole.KindSOS, At: time.Now(), Fix: here(43.6163, 7.0552)})
				f.heard()
			} else {
				sosTeltonika(t, w.Insoles, e.Insole)
			}
			seen := screen.alarm(func(a feed.Alarm) bool { return a.Insole == string(e.Insole) && a.State == "active" })
			claire.call("POST", "/api/alarms/"+seen.ID+"/take", map[string]string{}, nil)
			claire.call("POST", "/api/alarms/"+seen.ID+"/resolve", map[string]string{"reason": "test"}, nil)
			var v audit.Verdict
			settled := func() bool {
				status, body, err := claire.ask("GET", "/api/alarms/"+seen.ID+"/dossier", nil, nil)
				if err != nil || status != 200 {
					return false
				}
				v, err = audit.Verify(body)
				if err != nil || len(v.Faults) > 0 {
					t.Fatalf("verdict %v, faults %q", err, v.Faults)
				}
				pages := 0
				for _, p := range audit.Pages(v.Dossier.Log) {
					if p.State != string(insole.PageQueued) {
						pages++
					}
				}
				return pages > 0 && pages == len(v.Dossier.Pages) && len(v.Notes) == 0
			}
			until(t, "what became of every page to be in the chain", settled)
			if len(v.Again) == 0 || !v.Again[0].Same {
				t.Errorf("decisions made again: %+v", v.Again)
			}
			if d := v.Dossier; len(d.People) != 1 || len(d.People[0].Reports) == 0 {
				t.Errorf("people %+v", d.People)
			}
		})
	}
}
