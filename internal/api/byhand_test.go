package api_test

import (
	"strings"
	"testing"
	"time"

	"solewatch/internal/directory"
	"solewatch/internal/insole"
	"solewatch/internal/rules"
	"solewatch/internal/store"
)

// A worker whose shifts begin by hand is off shift until one does, on every page that says so, and a drill does not tell where they are.
func TestOffShiftByHand(t *testing.T) {
	o, ctx := newOffice(t), t.Context()
	must(t, o.api.Directory.Edit(ctx, "acme", func(d *directory.Draft) error {
		k, _ := d.Worker("marie")
		k.Value.ShiftBy = insole.ByHand
		return d.SetWorker(k.Value, directory.Any)
	}))
	live := store.Live{Org: "acme", Insole: "00a1b2c3d4e5f600", Worker: "marie", State: rules.State{HeardAt: start, Fix: &insole.Fix{Lat: 43.615, Lon: 7.055, Accuracy: 5, At: start.Add(-8 * time.Hour)}}}
	live.Version = 1
	must(t, o.store.SaveLive(ctx, live))
	sup := as("acme", insole.Supervisor)
	look := func(want string) {
		t.Helper()
		for _, path := range []string{"/api/board", "/api/readiness", "/api/workers/marie/checkin"} {
			if a := o.ask(t, sup, "GET", path, nil); !strings.Contains(a.body, `"onShift":`+want) {
				t.Errorf("%s: want onShift %s: %s", path, want, a.body)
			}
		}
	}
	drill := func() (d struct {
		ID  string
		Lat *float64
	}) {
		o.ask(t, sup, "POST", "/api/drills", m{"worker": "marie"}).into(t, &d)
		o.ask(t, sup, "POST", "/api/alarms/"+d.ID+"/resolve", m{"reason": "drill"}).into(t, &m{})
		return d
	}
	look("false")
	if d := drill(); d.Lat != nil {
		t.Errorf("off shift, and the drill says where: %v", *d.Lat)
	}
	o.ask(t, sup, "POST", "/api/workers/marie/shift", m{"on": true}).into(t, &m{})
	o.ms.Add(1000)
	look("true")
	if d := drill(); d.Lat == nil {
		t.Error("on shift, and the drill does not say where")
	}
}
