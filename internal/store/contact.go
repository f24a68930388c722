package store

import (
	"context"

	"solewatch/internal/insole"
)

type contactItem struct {
	Org     string `dynamodbav:"org"`
	Contact string `dynamodbav:"contact"`
	Name    string `dynamodbav:"name"`
	Phone   string `dynamodbav:"phone,omitempty"`
	Email   string `dynamodbav:"email,omitempty"`
	Locale  string `dynamodbav:"locale"`
}

// Contact reads one contact.
func (s *Store) Contact(ctx context.Context, org insole.OrgID, id insole.ContactID) (insole.Contact, error) {
	k, err := s.KeptContact(ctx, org, id)
	return k.Value, err
}

// KeptContact is Contact with its version.
func (s *Store) KeptContact(ctx context.Context, org insole.OrgID, id insole.ContactID) (Kept[insole.Contact], error) {
	return one(ctx, s, contactKey(org, id), contactFrom)
}

// Contacts lists the contacts of org.
func (s *Store) Contacts(ctx context.Context, org insole.OrgID) ([]insole.Contact, error) {
	return values(s.KeptContacts(ctx, org))
}

// KeptContacts is Contacts with their versions.
func (s *Store) KeptContacts(ctx context.Context, org insole.OrgID) ([]Kept[insole.Contact], error) {
	return list(ctx, s, org, contactKey(org, "").SK, contactFrom)
}

// PutContact writes a contact.
func PutContact(k Kept[insole.Contact]) Change {
	c := k.Value
	return putChange(contactKey(c.Org, c.ID), "contact", contactItem{string(c.Org), string(c.ID), c.Name, c.Phone, c.Email, c.Locale}, k.Version)
}

// DropContact deletes a contact.
func DropContact(org insole.OrgID, id insole.ContactID) Change {
	return dropChange(contactKey(org, id))
}

func contactFrom(it item) (insole.Contact, error) {
	var v contactItem
	err := unmarshal(it, &v)
	return insole.Contact{
		Org: insole.OrgID(v.Org), ID: insole.ContactID(v.Contact), Name: v.Name, Phone: v.Phone, Email: v.Email, Locale: v.Locale,
	}, err
}
