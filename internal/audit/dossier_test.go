package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/rules"
	"solewatch/internal/wire/sole"
)

var update = flag.Bool("update", false, "rewrite testdata")

const marie insole.ID = "00a1b2c3d4e5f607"

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// story is an SOS with a pre-alarm before it, two contacts, a decline, and Claire who took charge and resolved: the dossier that the page replays too.
func story(t *testing.T) Dossier {
	t.Helper()
	var head Head
	d := Dossier{
		MadeAtMs: noon.Add(30 * time.Minute).UnixMilli(), MadeBy: "Claire M.", Org: "acme", FromMs: noon.Add(-2 * time.Minute).UnixMilli(), ToMs: noon.Add(20 * time.Minute).UnixMilli(),
		Alarm: Alarm{Alarm: "q2f7abcdefghijkl", Reference: "Q2F7AB", Team: "north", Worker: "marie", WorkerName: "Marie D.", Insole: string(marie), Kind: "sos", State: "resolved",
			Incident: "q2f7abcdefghijkl", Cause: "b0000000003-0000000052", SentAtMs: noon.UnixMilli(), RaisedAtMs: noon.Add(400 * time.Millisecond).UnixMilli(),
			TakenAtMs: noon.Add(95 * time.Second).UnixMilli(), Owner: "Claire M.", EndedAtMs: noon.Add(15 * time.Minute).UnixMilli(), EndedBy: "claire", Reason: "real",
			Note: "Ankle <twisted> & \"fine\"", Lat: 43.6155, Lon: 7.0718, AccuracyM: 4},
	}
	say := func(after time.Duration, what, who, name, text, data string) {
		var l Line
		l, head = Append("acme", insole.AlarmID(d.Alarm.Alarm), head, Line{AtMs: noon.Add(after).UnixMilli(), What: what, Who: who, Name: name, Text: text, Data: data})
		d.Log = append(d.Log, l)
	}
	decide := func(at time.Time, r sole.Record, before rules.State) (string, rules.State) {
		raw, err := sole.AppendBody(nil, sole.Data{Number: 1, Boot: r.Boot, Records: []sole.Record{r}})
		if err != nil {
			t.Fatal(err)
		}
		reports, err := sole.Reports(marie, raw, at)
		if err != nil || len(reports) != 1 {
			t.Fatal(err)
		}
		dec := rules.Rules{}.Decide(before, reports[0], nil, at.Add(300*time.Millisecond))
		return Of(Inputs{Insole: marie, Dialect: insole.SOLE, Raw: raw, HeardAt: at, Decision: dec}).Data(), dec.State
	}
	fix := func(at time.Time, lon float64) *insole.Fix {
		return &insole.Fix{Lat: 43.6155, Lon: lon, Accuracy: 4, Satellites: 9, Source: insole.SourceGPS, At: at}
	}
	before := rules.State{Boot: 3, Seq: 51, At: noon.Add(-10 * time.Second), HeardAt: noon.Add(-10 * time.Second), Fix: fix(noon.Add(-10*time.Second), 7.0717), Steps: 4000, Posture: insole.Walking}
	first, after := decide(noon.Add(100*time.Millisecond), sole.Record{Kind: insole.KindSOS, Boot: 3, Seq: 52, At: noon, Fix: fix(noon, 7.0718)}, before)
	say(400*time.Millisecond, "raised", "wearer", "", "b0000000003-0000000052", first)
	claire := Page{Step: 1, Contact: "claire", Name: "Claire M.", Channel: "sms", State: "queued", QueuedAtMs: noon.Add(400 * time.Millisecond).UnixMilli()}
	paul := claire
	paul.Contact, paul.Name = "paul", "Paul B."
	say(400*time.Millisecond, "step", "clock", "", "1: 2 pages", PagesData([]Page{claire, paul}))
	claire.State, claire.DoneAtMs, claire.Message = "accepted", noon.Add(900*time.Millisecond).UnixMilli(), "m-1"
	paul.State, paul.DoneAtMs, paul.Message = "accepted", noon.Add(950*time.Millisecond).UnixMilli(), "m-2"
	say(time.Second, "paged", "clock", "", "", PagesData([]Page{claire, paul}))
	paul.State, paul.OpenedAtMs, paul.Answer, paul.AnsweredAtMs = "answered", noon.Add(40*time.Second).UnixMilli(), "declined", noon.Add(45*time.Second).UnixMilli()
	say(45*time.Second, "declined", "contact:paul", "Paul B.", "", "")
	second, _ := decide(noon.Add(time.Minute), sole.Record{Kind: insole.KindSOS, Boot: 3, Seq: 53, At: noon.Add(time.Minute), Fix: fix(noon.Add(time.Minute), 7.0719)}, after)
	say(time.Minute+300*time.Millisecond, "pressed", "wearer", "", "b0000000003-0000000053", second)
	say(95*time.Second, "taken", "claire", "Claire M.", "", "")
	say(97*time.Second, "felt-taken", "wearer", "", "", "")
	say(100*time.Second, "paged", "clock", "", "", PagesData([]Page{paul}))
	say(15*time.Minute, "resolved", "claire", "Claire M.", "real Ankle <twisted> & \"fine\"", "")
	d.Head, d.Pages, d.Again = head, []Page{claire, paul}, Again(d.Log)
	walk := func(worker, name string, lon float64) Person {
		p := Person{Worker: worker, Name: name}
		for i := -12; i <= 60; i += 3 {
			at := noon.Add(time.Duration(i) * 10 * time.Second)
			lat, lon, percent := 43.6155, lon+float64(i)*0.00001, 80-(i+12)/12
			p.Reports = append(p.Reports, Report{AtMs: at.UnixMilli(), HeardAtMs: at.Add(200 * time.Millisecond).UnixMilli(), Kind: "fix", Lat: &lat, Lon: &lon, AccuracyM: 4.5,
				SpeedMps: 1.1, Steps: int64(4000 + 15*i), Posture: "walking", Battery: &percent})
		}
		return p
	}
	d.People = []Person{walk("marie", "Marie D.", 7.0718), walk("luc", "Luc P.", 7.0730)}
	return d
}

// The golden dossier is read by the page's tests and by cmd/verify's too.
func TestDossier(t *testing.T) {
	_, b, err := story(t).Sealed()
	if err != nil {
		t.Fatal(err)
	}
	const file = "testdata/dossier.json"
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, want) {
		t.Errorf("the dossier is not %s any more; when that is meant, run with -update", file)
	}
	v, err := Verify(want)
	if err != nil || len(v.Faults) > 0 || len(v.Notes) > 0 {
		t.Fatalf("verdict %v, faults %q, notes %q", err, v.Faults, v.Notes)
	}
	if len(v.Again) != 2 || !v.Again[0].Same || !v.Again[1].Same {
		t.Errorf("decisions made again: %+v", v.Again)
	}
	// White space and the order of members are not what was sealed.
	var compact bytes.Buffer
	if err := json.Compact(&compact, want); err != nil {
		t.Fatal(err)
	}
	if v, err := Verify(compact.Bytes()); err != nil || len(v.Faults) > 0 {
		t.Errorf("without white space: %v, %q", err, v.Faults)
	}
}

// What somebody does to a dossier is found, also when they make the seal anew.
func TestTampered(t *testing.T) {
	reseal := func(t *testing.T, change func(*Dossier)) []byte {
		t.Helper()
		d := story(t)
		change(&d)
		_, b, err := d.Sealed()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, tt := range map[string]struct {
		change func(*Dossier)
		want   string
	}{
		"a line's text":     {func(d *Dossier) { d.Log[3].Name = "Nobody" }, "line 4: is not what it was"},
		"a line gone":       {func(d *Dossier) { d.Log = slices.Delete(d.Log, 3, 4) }, "line 4: is missing"},
		"the end gone":      {func(d *Dossier) { d.Log = d.Log[:5] }, "line 6: is missing, before the head"},
		"a page gone":       {func(d *Dossier) { d.Pages = d.Pages[:1] }, "to paul by sms: the log says that it was queued, and it is missing"},
		"a page never sent": {func(d *Dossier) { d.Pages[0].State = "failed" }, "to claire by sms: failed, and the log says accepted"},
		"another message":   {func(d *Dossier) { d.Pages[0].Message = "m-9" }, "to claire by sms: accepted, and the log says accepted"},
		"of another alarm":  {func(d *Dossier) { d.Alarm.Alarm = "other" }, "line 1: is not what it was"},
		"chain made up anew": {func(d *Dossier) {
			head := Head{}
			for i, l := range d.Log {
				if i == 0 {
					l.Data = strings.Replace(l.Data, `"Press":true`, `"Press":false`, 1)
				}
				d.Log[i], head = Append("acme", insole.AlarmID(d.Alarm.Alarm), head, l)
			}
			d.Head = head
		}, "decision in line 1: decided otherwise"},
	} {
		v, err := Verify(reseal(t, tt.change))
		if err != nil || !slices.ContainsFunc(v.Faults, func(f string) bool { return strings.Contains(f, tt.want) }) {
			t.Errorf("%s: %v, faults %q, want %q", name, err, v.Faults, tt.want)
		}
	}
	_, b, err := story(t).Sealed()
	if err != nil {
		t.Fatal(err)
	}
	for name, doc := range map[string][]byte{
		"a report":  bytes.Replace(b, []byte(`"accuracyM": 4.5`), []byte(`"accuracyM": 4.6`), 1),
		"a name":    bytes.Replace(b, []byte(`"workerName": "Marie D."`), []byte(`"workerName": "Marie E."`), 1),
		"the maker": bytes.Replace(b, []byte(`"madeBy": "Claire M."`), []byte(`"madeBy": "Paul B."`), 1),
	} {
		if v, err := Verify(doc); err != nil || len(v.Faults) != 1 || !strings.Contains(v.Faults[0], "the seal is broken") {
			t.Errorf("%s changed: %v, %q", name, err, v.Faults)
		}
	}
	for name, doc := range map[string][]byte{
		"nothing": nil, "no JSON": []byte("{"), "another kind": bytes.Replace(b, []byte(DossierKind), []byte("other"), 1), "something behind": append(slices.Clone(b), '1'),
		"an array": []byte("[]"), "more than we know": bytes.Replace(b, []byte(`"org"`), []byte(`"extra":1,"org"`), 1),
	} {
		if _, err := Verify(doc); !errors.Is(err, insole.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}

// A page may come further while the dossier is made.
func TestPageAheadOfTheLog(t *testing.T) {
	d := story(t)
	d.Pages[0].State, d.Pages[0].OpenedAtMs = "opened", 5
	_, b, err := d.Sealed()
	if err != nil {
		t.Fatal(err)
	}
	if v, err := Verify(b); err != nil || len(v.Faults) > 0 || len(v.Notes) != 1 {
		t.Errorf("%v, faults %q, notes %q: want one note", err, v.Faults, v.Notes)
	}
	if !d.Has(d.Head) || !d.Has(Head{2, d.Log[1].Hash}) || d.Has(Head{3, d.Log[1].Hash}) || d.Has(Head{}) || d.Has(Head{99, "x"}) {
		t.Error("heads that the log went through are not told from others")
	}
}
