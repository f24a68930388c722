package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"solewatch/internal/directory"
	"solewatch/internal/insole"
)

// careSpec is what responders must know of a worker.
type careSpec struct {
	Note     string            `yaml:"note"`
	Contacts []careContactSpec `yaml:"contacts"`
}

type careContactSpec struct {
	Name     string `yaml:"name"`
	Phone    string `yaml:"phone"`
	Relation string `yaml:"relation"`
}

func (w workerSpec) care(org insole.OrgID) (insole.Care, error) {
	c := insole.Care{Org: org, Worker: insole.WorkerID(w.Worker), Note: w.Care.Note}
	for _, p := range w.Care.Contacts {
		c.Contacts = append(c.Contacts, insole.CareContact(p))
	}
	return directory.CheckCare(c)
}

// wrongCares is what is wrong with what the file says about the health of o's workers.
func wrongCares(o orgSpec) (all directory.Faults) {
	for _, w := range o.Workers {
		if w.Care == nil {
			continue
		}
		_, err := w.care(insole.OrgID(o.Org))
		var found directory.Faults
		errors.As(err, &found)
		for _, f := range found {
			f.Noun, f.At = "worker", "care."+f.At
			all = append(all, f)
		}
	}
	return all
}

// cares writes what differs from what is stored, and counts it.
func (p *provisioner) cares(ctx context.Context, o orgSpec) error {
	n := 0
	for _, w := range o.Workers {
		if w.Care == nil {
			continue
		}
		c, err := w.care(insole.OrgID(o.Org))
		if err != nil {
			return err
		}
		was, err := p.store.Care(ctx, c.Org, c.Worker)
		if err != nil {
			return err
		}
		if was.Note == c.Note && (len(was.Contacts)+len(c.Contacts) == 0 || reflect.DeepEqual(was.Contacts, c.Contacts)) {
			continue
		}
		c.SetAt, c.SetBy, c.Version = p.dir.Now().UTC(), "provision", was.Version+1
		if err := p.store.SaveCare(ctx, c); err != nil {
			return fmt.Errorf("medical note of worker %s: %w", c.Worker, err)
		}
		n++
	}
	if n > 0 {
		fmt.Fprintf(p.out, "%s: %d medical note(s)\n", o.Org, n)
	}
	return nil
}
