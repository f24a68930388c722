package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"solewatch/internal/auth"
	"solewatch/internal/directory"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// User signs in.
type User struct {
	User     string `json:"user,omitempty" maxLength:"40" doc:"its name in addresses; made from name when not given"`
	Email    string `json:"email" maxLength:"320"`
	Name     string `json:"name" maxLength:"200"`
	Role     string `json:"role" enum:"viewer,supervisor,admin"`
	Locale   string `json:"locale,omitempty" enum:"fr,en"`
	Password string `json:"password,omitempty" writeOnly:"true" minLength:"10" maxLength:"200" doc:"a new user without one is given one; signs the user out everywhere"`
	Version  int    `json:"version,omitempty" minimum:"0"`
}

// NewUser is a user as it was made.
type NewUser struct {
	User     User   `json:"user"`
	Password string `json:"password,omitempty" doc:"when one was made up; shown this once"`
}

// UserPath names a user.
type UserPath struct {
	User string `path:"user" maxLength:"40"`
}

type userPut struct {
	UserPath
	IfMatch
	Body User
}

type userPost struct{ Body User }

type userDrop struct {
	UserPath
	IfMatch
}

type usersAnswer struct {
	Body struct {
		Users []User `json:"users"`
	}
}

func userOf(k store.Kept[insole.User]) User {
	v := k.Value
	return User{User: string(v.ID), Email: v.Email, Name: v.Name, Role: string(v.Role), Locale: v.Locale, Version: k.Version}
}

func (a *API) userRoutes(h huma.API) {
	c := crud{"user", "users", "/api/users", insole.Admin}
	huma.Register(h, c.list(), func(ctx context.Context, _ *struct{}) (*usersAnswer, error) {
		all, err := a.Store.Users(ctx, who(ctx).Org)
		out := &usersAnswer{}
		out.Body.Users = make([]User, len(all))
		for i, k := range all {
			out.Body.Users[i] = userOf(k)
		}
		return out, a.fail(ctx, err)
	})
	huma.Register(h, c.get(), func(ctx context.Context, in *UserPath) (*one[User], error) {
		k, err := a.Store.KeptUser(ctx, who(ctx).Org, insole.UserID(in.User))
		return oneOf(userOf(k), k.Version), a.fail(ctx, err)
	})
	huma.Register(h, c.post(), func(ctx context.Context, in *userPost) (*one[NewUser], error) {
		made := ""
		if in.Body.Password == "" {
			made = auth.NewPassword()
			in.Body.Password = made
		}
		k, err := a.setUser(ctx, in.Body, directory.New)
		if err != nil {
			return nil, a.fail(ctx, err)
		}
		return oneOf(NewUser{userOf(k), made}, k.Version), nil
	})
	huma.Register(h, c.put(), func(ctx context.Context, in *userPut) (*one[User], error) {
		version, err := in.known(in.Body.Version)
		if err == nil {
			err = sameName(in.User, in.Body.User)
		}
		if err != nil {
			return nil, a.fail(ctx, err)
		}
		in.Body.User = in.User
		k, err := a.setUser(ctx, in.Body, version)
		if err != nil {
			return nil, a.fail(ctx, err)
		}
		a.forgetScreens(ctx, who(ctx).Org, k.Value.ID)
		return oneOf(userOf(k), k.Version), nil
	})
	huma.Register(h, c.drop(), func(ctx context.Context, in *userDrop) (*struct{}, error) {
		version, err := in.version(0)
		if err == nil {
			err = a.edit(ctx, func(d *directory.Draft) error { return d.DropUser(insole.UserID(in.User), version) })
		}
		if err == nil {
			a.forgetScreens(ctx, who(ctx).Org, insole.UserID(in.User))
		}
		return nil, a.fail(ctx, err)
	})
}

func (a *API) setUser(ctx context.Context, u User, version int) (store.Kept[insole.User], error) {
	hash := ""
	if u.Password != "" {
		hash = auth.HashPassword(u.Password)
	}
	var made store.Kept[insole.User]
	err := a.edit(ctx, func(d *directory.Draft) error {
		id := insole.UserID(given(u.User, u.Name, func(s string) bool { _, ok := d.User(insole.UserID(s)); return ok }))
		err := d.SetUser(insole.User{ID: id, Email: u.Email, Name: u.Name, Role: insole.Role(u.Role), Locale: u.Locale, Password: hash}, version)
		made, _ = d.User(id)
		return err
	})
	return made, err
}
