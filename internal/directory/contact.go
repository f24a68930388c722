package directory

import (
	"maps"
	"slices"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// SetContact makes or changes a contact.
func (d *Draft) SetContact(v insole.Contact, version int) error {
	err := d.contacts.expect("contact", v.ID, version)
	if err != nil {
		return err
	}
	v.Org = d.Org.ID
	d.contacts.after[v.ID] = d.checker("contact", string(v.ID)).contact(v)
	return nil
}

// DropContact removes a contact. A team that names it is a fault.
func (d *Draft) DropContact(id insole.ContactID, version int) error {
	err := d.contacts.expect("contact", id, version)
	delete(d.contacts.after, id)
	return err
}

// Contact is a contact that is to be, as it will be kept; false when there is none.
func (d *Draft) Contact(id insole.ContactID) (store.Kept[insole.Contact], bool) {
	return d.contacts.kept(id)
}

// Contacts are those that are to be, by name of the item.
func (d *Draft) Contacts() []insole.Contact {
	all := make([]insole.Contact, 0, len(d.contacts.after))
	for _, id := range slices.Sorted(maps.Keys(d.contacts.after)) {
		all = append(all, d.contacts.after[id])
	}
	return all
}
