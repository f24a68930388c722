package store

import (
	"context"
	"encoding/json"
	"fmt"

	"solewatch/internal/insole"
)

type zoneItem struct {
	Org    string `dynamodbav:"org"`
	Zone   string `dynamodbav:"zone"`
	Team   string `dynamodbav:"team,omitempty"`
	Name   string `dynamodbav:"name"`
	Danger bool   `dynamodbav:"danger"`
	Ring   string `dynamodbav:"ring"` // JSON: DynamoDB's numbers would take three times the room
}

// Zone reads one zone.
func (s *Store) Zone(ctx context.Context, org insole.OrgID, id insole.ZoneID) (Kept[insole.Zone], error) {
	return one(ctx, s, zoneKey(org, id), zoneFrom)
}

// Zones lists the zones of org.
func (s *Store) Zones(ctx context.Context, org insole.OrgID) ([]Kept[insole.Zone], error) {
	return list(ctx, s, org, zoneKey(org, "").SK, zoneFrom)
}

// PutZone writes a zone.
func PutZone(k Kept[insole.Zone]) Change {
	z := k.Value
	ring, _ := json.Marshal(z.Ring) // of finite numbers only: directory has checked them
	return putChange(zoneKey(z.Org, z.ID), "zone", zoneItem{string(z.Org), string(z.ID), string(z.Team), z.Name, z.Danger, string(ring)}, k.Version)
}

// DropZone deletes a zone.
func DropZone(org insole.OrgID, id insole.ZoneID) Change { return dropChange(zoneKey(org, id)) }

func zoneFrom(it item) (insole.Zone, error) {
	var v zoneItem
	err := unmarshal(it, &v)
	if err != nil {
		return insole.Zone{}, err
	}
	z := insole.Zone{Org: insole.OrgID(v.Org), ID: insole.ZoneID(v.Zone), Team: insole.TeamID(v.Team), Name: v.Name, Danger: v.Danger}
	err = json.Unmarshal([]byte(v.Ring), &z.Ring)
	if err != nil {
		return z, fmt.Errorf("ring of zone %s: %w: %w", v.Zone, insole.ErrInvalid, err)
	}
	return z, nil
}
