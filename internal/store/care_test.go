package store_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/store"
)

// What is known of a worker's health is written over what was read only, for a worker that there is, and is gone with them.
func TestCare(t *testing.T) {
	now := time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC)
	s, _ := standintest.Store(t, func() time.Time { return now })
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.CreateOrg(ctx, insole.Org{ID: "acme", Name: "Acme", Locale: "en"}))
	care := insole.Care{Org: "acme", Worker: "marie", Note: "diabetic", SetAt: now, SetBy: "Ada", Version: 2,
		Contacts: []insole.CareContact{{Name: "Jean", Phone: "+33639980001", Relation: "husband"}}}
	if err := s.SaveCare(ctx, care); !errors.Is(err, insole.ErrNotFound) || errors.Is(err, insole.ErrConflict) {
		t.Errorf("SaveCare of nobody = %v, want ErrNotFound", err)
	}
	must(s.Edit(ctx, "acme", 0, store.PutWorker(store.Kept[insole.Worker]{Value: insole.Worker{Org: "acme", ID: "marie", Team: "north", Name: "Marie D."}})))
	got, err := s.Care(ctx, "acme", "marie")
	if want := (insole.Care{Org: "acme", Worker: "marie", Version: 1}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Care of whom nothing is known = %d, %q, %v", got.Version, got.Note, err)
	}
	must(s.SaveCare(ctx, care))
	if got, err = s.Care(ctx, "acme", "marie"); err != nil || !reflect.DeepEqual(got, care) {
		t.Errorf("Care = version %d, note %q, %d contacts, %v", got.Version, got.Note, len(got.Contacts), err)
	}
	if err := s.SaveCare(ctx, care); !errors.Is(err, insole.ErrConflict) {
		t.Errorf("SaveCare of what was not read = %v, want ErrConflict", err)
	}
	care.Note, care.Contacts, care.Version = "", nil, 3
	must(s.SaveCare(ctx, care))
	if err := s.SaveCare(ctx, care); !errors.Is(err, insole.ErrConflict) {
		t.Errorf("SaveCare twice = %v, want ErrConflict", err)
	}
	if other, err := s.Care(ctx, "other", "marie"); err != nil || other.Version != 1 {
		t.Errorf("another org's Care = version %d, %v", other.Version, err)
	}
	must(s.Edit(ctx, "acme", 1, store.DropWorker("acme", "marie")))
	if got, err = s.Care(ctx, "acme", "marie"); err != nil || got.Version != 1 {
		t.Errorf("Care of a worker that was removed = version %d, %v", got.Version, err)
	}
}
