package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"solewatch/internal/directory"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// Contact is somebody who is paged.
type Contact struct {
	Contact string `json:"contact,omitempty" maxLength:"40" doc:"its name in addresses; made from name when not given"`
	Name    string `json:"name" maxLength:"200"`
	Phone   string `json:"phone,omitempty" maxLength:"40" doc:"E.164, as +33612345678"`
	Email   string `json:"email,omitempty" maxLength:"320"`
	Locale  string `json:"locale,omitempty" enum:"fr,en"`
	Version int    `json:"version,omitempty" minimum:"0"`
}

// ContactPath names a contact.
type ContactPath struct {
	Contact string `path:"contact" maxLength:"40"`
}

type contactPut struct {
	ContactPath
	IfMatch
	Body Contact
}

type contactPost struct{ Body Contact }

type contactDrop struct {
	ContactPath
	IfMatch
}

type contactsAnswer struct {
	Body struct {
		Contacts []Contact `json:"contacts"`
	}
}

func contactOf(k store.Kept[insole.Contact]) Contact {
	v := k.Value
	return Contact{string(v.ID), v.Name, v.Phone, v.Email, v.Locale, k.Version}
}

func (a *API) contactRoutes(h huma.API) {
	c := crud{"contact", "contacts", "/api/contacts", insole.Supervisor}
	huma.Register(h, c.list(), func(ctx context.Context, _ *struct{}) (*contactsAnswer, error) {
		all, err := a.Store.KeptContacts(ctx, who(ctx).Org)
		out := &contactsAnswer{}
		out.Body.Contacts = make([]Contact, len(all))
		for i, k := range all {
			out.Body.Contacts[i] = contactOf(k)
		}
		return out, a.fail(ctx, err)
	})
	huma.Register(h, c.get(), func(ctx context.Context, in *ContactPath) (*one[Contact], error) {
		k, err := a.Store.KeptContact(ctx, who(ctx).Org, insole.ContactID(in.Contact))
		return oneOf(contactOf(k), k.Version), a.fail(ctx, err)
	})
	huma.Register(h, c.post(), func(ctx context.Context, in *contactPost) (*one[Contact], error) {
		return a.setContact(ctx, in.Body, directory.New)
	})
	huma.Register(h, c.put(), func(ctx context.Context, in *contactPut) (*one[Contact], error) {
		version, err := in.known(in.Body.Version)
		if err == nil {
			err = sameName(in.Contact, in.Body.Contact)
		}
		if err != nil {
			return nil, a.fail(ctx, err)
		}
		in.Body.Contact = in.Contact
		return a.setContact(ctx, in.Body, version)
	})
	huma.Register(h, c.drop(), func(ctx context.Context, in *contactDrop) (*struct{}, error) {
		version, err := in.version(0)
		if err == nil {
			err = a.edit(ctx, func(d *directory.Draft) error { return d.DropContact(insole.ContactID(in.Contact), version) })
		}
		return nil, a.fail(ctx, err)
	})
}

func (a *API) setContact(ctx context.Context, c Contact, version int) (*one[Contact], error) {
	var made store.Kept[insole.Contact]
	err := a.edit(ctx, func(d *directory.Draft) error {
		id := insole.ContactID(given(c.Contact, c.Name, func(s string) bool { _, ok := d.Contact(insole.ContactID(s)); return ok }))
		err := d.SetContact(insole.Contact{ID: id, Name: c.Name, Phone: c.Phone, Email: c.Email, Locale: c.Locale}, version)
		made, _ = d.Contact(id)
		return err
	})
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	return oneOf(contactOf(made), made.Version), nil
}
