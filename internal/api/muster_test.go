package api_test

import (
	"testing"
	"time"

	"solewatch/internal/insole"
)

type told struct {
	Muster, Mode, State, Name, ByName, EndedBy string
	AnswerWithinS, Called                      int
	Ring                                       [][2]float64
	Drill                                      bool
}

// A muster is begun once however often it is told, carried out, and looked at.
func TestMuster(t *testing.T) {
	o := newOffice(t)
	claire := as("acme", insole.Supervisor)
	var reach struct{ People, Unreachable, UnknownWhere int }
	o.ask(t, claire, "POST", "/api/musters/reach", m{"mode": "evacuate", "zone": "yard"}).into(t, &reach)
	if reach.People != 1 || reach.Unreachable != 1 || reach.UnknownWhere != 1 {
		t.Errorf("reach %+v: Marie is on shift, and nobody has heard where", reach)
	}
	call := m{"muster": "drill-1", "mode": "roll-call", "zone": "yard", "note": " smoke ", "answerWithinS": 60, "drill": true}
	var begun, again told
	o.ask(t, claire, "POST", "/api/musters", call).into(t, &begun)
	if begun.Muster != "drill-1" || begun.State != "calling" || begun.Name != "Yard" || len(begun.Ring) != 4 || begun.AnswerWithinS != 60 || !begun.Drill {
		t.Errorf("begun %+v", begun)
	}
	_, err := o.api.Musters.Advance(t.Context(), "acme", "drill-1")
	must(t, err)
	o.ask(t, claire, "POST", "/api/musters", call).into(t, &again)
	if again.State != "waiting" || again.Called != 1 {
		t.Errorf("told again: %+v", again)
	}
	call["note"] = "another"
	if p := o.ask(t, claire, "POST", "/api/musters", call).problem(t); p.Status != 409 || p.Type != "conflict" {
		t.Errorf("another one of that name: %+v", p)
	}
	file := func() (f struct {
		Muster told
		Tally  struct{ Safe, NoAnswer, Unreachable, Help, Missing, UnknownWhere int }
		People []struct {
			Worker, State, Why, Where, ByName string
			Help                              bool
		}
	}) {
		t.Helper()
		o.ask(t, as("acme", insole.Viewer), "GET", "/api/musters/drill-1", nil).into(t, &f)
		return f
	}
	// Marie has an SOS open since the beginning, and it counts before everything else.
	if f := file(); f.Tally.Help != 1 || len(f.People) != 1 || !f.People[0].Help || f.People[0].Why != "silent" || f.People[0].Where != "unknown" {
		t.Errorf("file %+v", f)
	}
	o.ask(t, claire, "POST", o.requests("acme")["resolve"].path, o.requests("acme")["resolve"].body).into(t, &struct{}{})
	if f := file(); f.Tally.Help != 0 || f.Tally.Unreachable != 1 {
		t.Errorf("after the SOS: %+v", f.Tally)
	}
	o.ms.Add(int64(time.Minute / time.Millisecond))
	var person struct{ State, ByName string }
	o.ask(t, claire, "POST", "/api/musters/drill-1/safe", m{"worker": "marie"}).into(t, &person)
	if person.State != "safe" || person.ByName != "The supervisor" {
		t.Errorf("marked safe: %+v", person)
	}
	if a := o.ask(t, claire, "POST", "/api/musters/drill-1/safe", m{"worker": "nobody"}); a.status != 404 {
		t.Errorf("somebody who is not in it: %d", a.status)
	}
	o.ask(t, claire, "POST", "/api/musters/drill-1/end", nil).into(t, &again)
	if again.State != "ending" || again.EndedBy != "The supervisor" {
		t.Errorf("ended: %+v", again)
	}
	var all struct{ Musters []told }
	o.ask(t, as("acme", insole.Viewer), "GET", "/api/musters", nil).into(t, &all)
	if len(all.Musters) != 2 || all.Musters[1].Muster != "fire" && all.Musters[0].Muster != "fire" {
		t.Errorf("all: %+v", all)
	}
}

// What nobody can be called by is refused in words that help, and nothing is kept.
func TestMusterRefused(t *testing.T) {
	o := newOffice(t)
	for _, tt := range []struct {
		name string
		body m
		says string
	}{
		{"nobody named", m{"mode": "evacuate"}, "Name one of the three: a team, a zone, or an area."},
		{"two named", m{"mode": "evacuate", "team": "north", "zone": "yard"}, "Name one of the three: a team, a zone, or an area."},
		{"no such team", m{"mode": "evacuate", "team": "south"}, "There is no team “south”."},
		{"no such zone", m{"mode": "evacuate", "zone": "moon"}, "There is no zone “moon”."},
		{"crossing itself", m{"mode": "evacuate", "ring": [][2]float64{{7, 43}, {7.01, 43.01}, {7.01, 43}, {7, 43.01}}}, ""},
		{"round the pole", m{"mode": "evacuate", "ring": [][2]float64{{0, 86}, {120, 86}, {-120, 86}}}, ""},
		{"too soon", m{"mode": "evacuate", "team": "north", "answerWithinS": 5}, ""},
		{"too late", m{"mode": "evacuate", "team": "north", "answerWithinS": 3600}, ""},
		{"another mode", m{"mode": "panic", "team": "north"}, ""},
	} {
		a := o.ask(t, as("acme", insole.Supervisor), "POST", "/api/musters", tt.body)
		p := a.problem(t)
		if a.status != 422 || len(p.Errors) == 0 || p.Errors[0].Message == "" || tt.says != "" && p.Errors[0].Message != tt.says {
			t.Errorf("%s: status %d, %+v", tt.name, a.status, p)
		}
	}
	all, err := o.store.Musters(t.Context(), "acme")
	if err != nil || len(all) != 1 {
		t.Errorf("kept: %+v, %v", all, err)
	}
}
