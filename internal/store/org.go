package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"solewatch/internal/insole"
)

// Kept is a thing as it is kept: with the number of times it has been written.
type Kept[T any] struct {
	Value   T
	Version int
}

// ErrMoved says that somebody else has changed the org meanwhile: read it and decide again. It is an
// insole.ErrConflict.
var ErrMoved = fmt.Errorf("the org has been changed: %w", insole.ErrConflict)

// MaxChanges is how many changes one Edit takes. DynamoDB takes 100 items in a transaction; the revision is one, and a
// change is at most three.
const MaxChanges = 33

// A Directory is all that people have set up in one org, as of Revision.
type Directory struct {
	Org      insole.Org
	Revision int64 // counts the edits
	Teams    []Kept[insole.Team]
	Contacts []Kept[insole.Contact]
	Workers  []Kept[insole.Worker]
	Zones    []Kept[insole.Zone]
	Users    []Kept[insole.User]
	Insoles  []Kept[InsoleRef]
}

// A Change is one part of an Edit.
type Change struct {
	parts func(s *Store) ([]types.TransactWriteItem, error)
}

type orgItem struct {
	Org      string `dynamodbav:"org"`
	Name     string `dynamodbav:"name"`
	Locale   string `dynamodbav:"locale"`
	Operates string `dynamodbav:"ops,omitempty"`
	Revision int64  `dynamodbav:"rev"`
}

// Org reads one org.
func (s *Store) Org(ctx context.Context, id insole.OrgID) (insole.Org, error) {
	o, _, err := s.org(ctx, id)
	return o, err
}

func (s *Store) org(ctx context.Context, id insole.OrgID) (insole.Org, int64, error) {
	it, err := s.get(ctx, orgKey(id))
	if err != nil {
		return insole.Org{}, 0, err
	}
	var o orgItem
	err = unmarshal(it, &o)
	if err != nil {
		return insole.Org{}, 0, err
	}
	return insole.Org{ID: id, Name: o.Name, Locale: o.Locale, Operators: insole.TeamID(o.Operates)}, o.Revision, nil
}

// Orgs lists the names of every org but the canary wearer's.
func (s *Store) Orgs(ctx context.Context) ([]insole.OrgID, error) {
	var all []insole.OrgID
	for it, err := range s.query(ctx, question{pk: orgRefKey("").PK}) {
		if err != nil {
			return nil, err
		}
		if o := insole.OrgID(strOf(it, "SK")); o != insole.CanaryOrg {
			all = append(all, o)
		}
	}
	return all, nil
}

// CreateOrg makes an org. insole.ErrConflict when there is one of that name.
func (s *Store) CreateOrg(ctx context.Context, o insole.Org) error {
	it, err := marshal(orgKey(o.ID), "org", orgItem{Org: string(o.ID), Name: o.Name, Locale: o.Locale, Operates: string(o.Operators)})
	if err != nil {
		return err
	}
	ref := orgRefKey(o.ID).item()
	ref["t"] = str("orgref")
	return s.transact(ctx, s.txPut(it, ifAbsent), s.txPut(ref, cond{}))
}

// SetOrg changes the name, language and operators of an org that exists. Insoles keep the language they have until they are
// written.
func (s *Store) SetOrg(ctx context.Context, o insole.Org) error {
	_, err := s.update(ctx, orgKey(o.ID), "SET #n = :n, #l = :l, #o = :o ADD rev :one", map[string]string{"#n": "name", "#l": "locale", "#o": "ops"},
		item{":n": str(o.Name), ":l": str(o.Locale), ":o": str(string(o.Operators)), ":one": num(1)}, ifPresent)
	return err
}

// Directory reads all of org. What it returns is either of one revision, or Edit with that revision will refuse.
func (s *Store) Directory(ctx context.Context, org insole.OrgID) (Directory, error) {
	var d Directory
	var err error
	// The revision first: whatever is written while the rest is read moves it on.
	d.Org, d.Revision, err = s.org(ctx, org)
	if err != nil {
		return d, err
	}
	for it, err := range s.query(ctx, question{pk: orgKey(org).PK}) {
		if err != nil {
			return d, err
		}
		kind, _, _ := strings.Cut(strOf(it, "SK"), "#")
		switch kind {
		case "TEAM":
			err = keep(&d.Teams, it, teamFrom)
		case "CONTACT":
			err = keep(&d.Contacts, it, contactFrom)
		case "WORKER":
			err = keep(&d.Workers, it, workerFrom)
		case "ZONE":
			err = keep(&d.Zones, it, zoneFrom)
		case "USER":
			err = keep(&d.Users, it, userFrom)
		case "INSOLE":
			err = keep(&d.Insoles, it, insoleRefFrom)
		}
		if err != nil {
			return d, err
		}
	}
	return d, nil
}

// Edit makes all of changes in org, or none of them, if org is still at revision, and moves it to revision + 1.
// ErrMoved when it is not; insole.ErrConflict when a change takes a name that is in use over all orgs (an insole's, an
// e-mail address). At most MaxChanges.
func (s *Store) Edit(ctx context.Context, org insole.OrgID, revision int64, changes ...Change) error {
	at := cond{expr: "rev = :rev", values: item{":rev": num(revision)}}
	all := []types.TransactWriteItem{s.txUpdate(orgKey(org), "SET rev = rev + :one", nil, item{":one": num(1)}, at)}
	for _, c := range changes {
		parts, err := c.parts(s)
		if err != nil {
			return err
		}
		all = append(all, parts...)
	}
	err := s.transact(ctx, all...)
	if failedPart(err) == 0 {
		return fmt.Errorf("editing org %s: %w: %w", org, ErrMoved, err)
	}
	if err != nil && failedPart(err) < 0 && meaning(err) == insole.ErrConflict {
		return fmt.Errorf("editing org %s: %w: %w", org, ErrMoved, err) // another transaction was under way
	}
	return err
}

// keep reads it and adds it to all.
func keep[T any](all *[]Kept[T], it item, from func(item) (T, error)) error {
	v, err := from(it)
	if err != nil {
		return err
	}
	*all = append(*all, Kept[T]{v, int(numOf(it, "v"))})
	return nil
}

// one reads the item under k.
func one[T any](ctx context.Context, s *Store, k key, from func(item) (T, error)) (Kept[T], error) {
	it, err := s.get(ctx, k)
	if err != nil {
		return Kept[T]{}, err
	}
	v, err := from(it)
	return Kept[T]{v, int(numOf(it, "v"))}, err
}

// list reads the items of org whose sort key begins with prefix.
func list[T any](ctx context.Context, s *Store, org insole.OrgID, prefix string, from func(item) (T, error)) ([]Kept[T], error) {
	var all []Kept[T]
	for it, err := range s.query(ctx, question{pk: orgKey(org).PK, prefix: prefix}) {
		if err != nil {
			return nil, err
		}
		err = keep(&all, it, from)
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// values leaves the versions out.
func values[T any](all []Kept[T], err error) ([]T, error) {
	out := make([]T, len(all))
	for i, k := range all {
		out[i] = k.Value
	}
	return out, err
}

// putChange writes v under k. The revision of the org guards it; version is for people who edit the same thing.
func putChange(k key, t string, v any, version int) Change {
	return Change{func(s *Store) ([]types.TransactWriteItem, error) {
		it, err := marshal(k, t, v)
		if err != nil {
			return nil, err
		}
		it["v"] = num(int64(version))
		return []types.TransactWriteItem{s.txPut(it, cond{})}, nil
	}}
}

func dropChange(k key) Change {
	return Change{func(s *Store) ([]types.TransactWriteItem, error) {
		return []types.TransactWriteItem{s.txDelete(k, cond{})}, nil
	}}
}

// Reach asks the table for something that is not there, at half a read unit. nil when it answers.
func (s *Store) Reach(ctx context.Context) error {
	_, err := s.getStale(ctx, orgKey(""))
	if errors.Is(err, insole.ErrNotFound) {
		return nil
	}
	return err
}
