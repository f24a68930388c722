package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"solewatch/internal/insole"
)

type userItem struct {
	Org      string `dynamodbav:"org"`
	User     string `dynamodbav:"user"`
	Email    string `dynamodbav:"email"`
	Name     string `dynamodbav:"name"`
	Role     string `dynamodbav:"role"`
	Locale   string `dynamodbav:"locale"`
	Password string `dynamodbav:"password"`
}

// UserOf reads one user of org.
func (s *Store) UserOf(ctx context.Context, org insole.OrgID, id insole.UserID) (insole.User, error) {
	k, err := s.KeptUser(ctx, org, id)
	return k.Value, err
}

// KeptUser is UserOf with its version.
func (s *Store) KeptUser(ctx context.Context, org insole.OrgID, id insole.UserID) (Kept[insole.User], error) {
	return one(ctx, s, userKey(org, id), userFrom)
}

// Users lists the users of org.
func (s *Store) Users(ctx context.Context, org insole.OrgID) ([]Kept[insole.User], error) {
	return list(ctx, s, org, userKey(org, "").SK, userFrom)
}

// UserByEmail finds a user over all orgs. email is in lower case.
func (s *Store) UserByEmail(ctx context.Context, email string) (insole.User, error) {
	if email == "" || len(email) > 1000 { // a key has at most 2,048 bytes
		return insole.User{}, fmt.Errorf("address of %d bytes: %w", len(email), insole.ErrNotFound)
	}
	it, err := s.get(ctx, loginKey(email))
	if errors.Is(err, insole.ErrNotFound) {
		// One read more, as for an address that somebody has: how long the answer takes tells a stranger nothing.
		_, err = s.get(ctx, userKey("", ""))
		return insole.User{}, err
	}
	if err != nil {
		return insole.User{}, err
	}
	return s.UserOf(ctx, insole.OrgID(strOf(it, "org")), insole.UserID(strOf(it, "user")))
}

// PutUser writes a user and takes the e-mail address for it; was is the address before, "" for a new user. From Edit
// comes insole.ErrConflict when somebody else has the address, in whichever org.
func PutUser(k Kept[insole.User], was string) Change {
	u := k.Value
	put := putChange(userKey(u.Org, u.ID), "user", userItem{
		string(u.Org), string(u.ID), u.Email, u.Name, string(u.Role), u.Locale, u.Password,
	}, k.Version)
	return Change{func(s *Store) ([]types.TransactWriteItem, error) {
		parts, err := put.parts(s)
		if err != nil {
			return nil, err
		}
		login := loginKey(u.Email).item()
		login["t"], login["org"], login["user"] = str("login"), str(string(u.Org)), str(string(u.ID))
		parts = append(parts, s.txPut(login, loginOf(u.Org, u.ID)))
		if was != "" && was != u.Email {
			parts = append(parts, s.txDelete(loginKey(was), loginOf(u.Org, u.ID)))
		}
		return parts, nil
	}}
}

// DropUser deletes a user and gives the address back. Sessions of theirs end at their next look.
func DropUser(u insole.User) Change {
	return Change{func(s *Store) ([]types.TransactWriteItem, error) {
		return []types.TransactWriteItem{
			s.txDelete(userKey(u.Org, u.ID), cond{}),
			s.txDelete(loginKey(u.Email), loginOf(u.Org, u.ID)),
		}, nil
	}}
}

// loginOf holds when an address is free, or is that user's already.
func loginOf(org insole.OrgID, id insole.UserID) cond {
	return cond{
		expr:   "attribute_not_exists(PK) OR (#o = :o AND #u = :u)",
		names:  map[string]string{"#o": "org", "#u": "user"},
		values: item{":o": str(string(org)), ":u": str(string(id))},
	}
}

func userFrom(it item) (insole.User, error) {
	var v userItem
	err := unmarshal(it, &v)
	return insole.User{
		Org: insole.OrgID(v.Org), ID: insole.UserID(v.User), Email: v.Email, Name: v.Name,
		Role: insole.Role(v.Role), Locale: v.Locale, Password: v.Password,
	}, err
}
