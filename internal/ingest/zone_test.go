package ingest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/standin"
	"solewatch/internal/store"
)

// Around 43.6155, 7.0718, where Marie walks: a site not to be left, a quarry in its east, and another team's danger all over the place.
func (w *world) zones() {
	w.Helper()
	box := func(west, south, east, north float64) [][2]float64 {
		return [][2]float64{{west, south}, {east, south}, {east, north}, {west, north}, {west, south}}
	}
	w.edit(
		store.PutZone(store.Kept[insole.Zone]{Value: insole.Zone{Org: "acme", ID: "site", Team: "north", Name: "Site", Ring: box(7.0700, 43.6140, 7.0740, 43.6170)}}),
		store.PutZone(store.Kept[insole.Zone]{Value: insole.Zone{Org: "acme", ID: "quarry", Name: "Quarry", Danger: true, Ring: box(7.0730, 43.6140, 7.0740, 43.6170)}}),
		store.PutZone(store.Kept[insole.Zone]{Value: insole.Zone{Org: "acme", ID: "theirs", Team: "south", Name: "Theirs", Danger: true, Ring: box(7.0, 43.6, 7.1, 43.7)}}))
}

func (w *world) edit(changes ...store.Change) {
	w.Helper()
	d, err := w.store.Directory(w.Context(), "acme")
	if err != nil {
		w.Fatal(err)
	}
	if err := w.store.Edit(w.Context(), "acme", d.Revision, changes...); err != nil {
		w.Fatal(err)
	}
}

// walk reports from lon every 10 s, n times, a message each.
func (w *world) walk(lon float64, n int) {
	w.Helper()
	for range n {
		w.clock.Advance(10 * time.Second)
		r := w.record(insole.KindFix)
		r.Fix = w.fix()
		r.Fix.Lon = lon
		w.must(w.message(w.frame(r)))
	}
}

func (w *world) kinds() string {
	w.Helper()
	var all []string
	for _, a := range w.open() {
		s := string(a.Kind)
		if !a.ReturnedAt.IsZero() {
			s += " over"
		}
		all = append(all, s)
	}
	return strings.Join(all, ", ")
}

func TestZonesRaise(t *testing.T) {
	w := newWorld(t)
	w.zones()
	w.walk(7.0718, 5)
	if got := w.kinds(); got != "" {
		t.Fatalf("where she should be: %s", got)
	}
	w.walk(7.0735, 3)
	if got := w.kinds(); got != "" {
		t.Fatalf("20 s in the quarry: %s", got)
	}
	w.walk(7.0735, 1)
	a := w.one()
	if a.Kind != insole.AlarmDangerZone || a.State != insole.Active || a.Worker != "marie" || a.Fix == nil || a.Fix.Lon < 7.073 || a.Kind.Priority() != 1 {
		t.Errorf("30 s in the quarry: %+v", a)
	}
	w.steps()
	if got := w.outbox(); len(got) != 2 || !strings.Contains(got[0].Text, a.ID.Reference()) || !strings.Contains(got[0].Text+got[1].Text, "Zone dangereuse") {
		t.Errorf("paged: %+v", got)
	}
	w.walk(7.0735, 10)
	if a := w.one(); a.Presses != 0 || !a.ReturnedAt.IsZero() {
		t.Errorf("staying there: %+v", a)
	}
	w.walk(7.0718, 1)
	if got := w.kinds(); got != "danger-zone over" {
		t.Errorf("out of it again: %s", got)
	}
	w.walk(7.0735, 4)
	if got := w.kinds(); got != "danger-zone" {
		t.Errorf("in it once more, before anybody has seen that it was over: %s", got)
	}
	w.walk(7.0780, 4)
	if got := w.kinds(); got != "danger-zone over, zone-left" {
		t.Errorf("beyond: %s", got)
	}
	w.walk(7.0718, 1)
	if got := w.kinds(); got != "danger-zone over, zone-left over" {
		t.Errorf("back: %s", got)
	}
}

// What was told twice, after a crash between alarm and state too, has one alarm.
func TestZoneAlarmTwiceIsHarmless(t *testing.T) {
	w := newWorld(t)
	w.zones()
	w.walk(7.0735, 3)
	w.clock.Advance(10 * time.Second)
	r := w.record(insole.KindFix)
	r.Fix = w.fix()
	r.Fix.Lon = 7.0735
	m := w.message(w.frame(r))
	// The state cannot be saved: the alarm is there, the message comes again.
	if err := w.srv.SetFaults(standin.Fault{Service: "dynamodb", Operation: "PutItem", Kind: standin.FaultRefuse}); err != nil {
		t.Fatal(err)
	}
	if failed := w.tell(m); len(failed) != 1 {
		t.Fatalf("failed %v, want the message", failed)
	}
	if err := w.srv.SetFaults(); err != nil {
		t.Fatal(err)
	}
	first := w.one()
	w.must(m)
	w.must(m)
	if a := w.one(); a.ID != first.ID || a.Version != first.Version {
		t.Errorf("told three times: %+v, want %+v", a, first)
	}
}

// A table whose zones cannot be read.
type noZones struct {
	*store.Store
	away  bool
	asked int
}

func (s *noZones) Zones(ctx context.Context, o insole.OrgID) ([]store.Kept[insole.Zone], error) {
	s.asked++
	if s.away {
		return nil, insole.ErrAway
	}
	return s.Store.Zones(ctx, o)
}

// Zones that cannot be read fail nothing and are not asked for in a call for help; once they can be read, they are judged; afterwards what is
// remembered does.
func TestUnreadableZones(t *testing.T) {
	w := newWorld(t)
	w.zones()
	table := &noZones{Store: w.store, away: true}
	w.ingest.Store = table
	r := w.record(insole.KindSOS)
	r.Fix = w.fix()
	r.Fix.Lon = 7.0735
	w.must(w.message(w.frame(r)))
	if a := w.one(); a.Kind != insole.AlarmSOS || table.asked != 0 {
		t.Errorf("%s raised after asking for zones %d times", a.Kind, table.asked)
	}
	w.walk(7.0735, 6)
	if got := w.kinds(); got != "sos" || table.asked == 0 {
		t.Errorf("without zones, asked for %d times: %s", table.asked, got)
	}
	table.away = false
	w.walk(7.0735, 4)
	if got := w.kinds(); got != "danger-zone, sos" {
		t.Errorf("once they are readable: %s", got)
	}
	table.away, table.asked = true, 0
	w.clock.Advance(10 * time.Minute)
	w.walk(7.0718, 1)
	if got := w.kinds(); got != "danger-zone over, sos" || table.asked != 1 {
		t.Errorf("by zones that are remembered, asked for %d times: %s", table.asked, got)
	}
}

// Zones that were edited are known within a minute, and are not read more often.
func TestEditedZones(t *testing.T) {
	w := newWorld(t)
	w.zones()
	table := &noZones{Store: w.store}
	w.ingest.Store = table
	w.walk(7.0718, 1)
	w.edit(store.DropZone("acme", "quarry"))
	w.walk(7.0735, 12)
	if got := w.kinds(); got != "danger-zone over" || table.asked != 3 {
		t.Errorf("two minutes after an edit, with zones read %d times: %s", table.asked, got)
	}
}

// Off shift nobody's place is looked at.
func TestZonesOffShift(t *testing.T) {
	w := newWorld(t, insole.Shift{Days: []time.Weekday{time.Tuesday}, From: 8 * time.Hour, To: 9 * time.Hour, Zone: "Europe/Paris"})
	w.zones()
	w.walk(7.0735, 10)
	if got := w.kinds(); got != "" {
		t.Errorf("off shift: %s", got)
	}
}

func TestZoneOfNoWearer(t *testing.T) {
	w := newWorld(t)
	w.zones()
	w.edit(store.PutInsole(store.Kept[store.InsoleRef]{Value: store.InsoleRef{Org: "acme", ID: marie, Dialect: insole.SOLE, Team: "north"}},
		insole.Assignment{Insole: marie, Dialect: insole.SOLE, Org: "acme", Team: "north", Locale: "fr", Key: make([]byte, 32)}))
	w.walk(7.0735, 10)
	if got := w.kinds(); got != "" {
		t.Errorf("an insole in somebody's bag: %s", got)
	}
}
