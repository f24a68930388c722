package directory

import (
	"strconv"

	"solewatch/internal/auth"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// SetUser makes or changes a user. An empty Password, which is a hash, keeps the one there is.
func (d *Draft) SetUser(v insole.User, version int) error {
	err := d.users.expect("user", v.ID, version)
	if err != nil {
		return err
	}
	v.Org = d.Org.ID
	c := d.checker("user", string(v.ID))
	v = c.user(v)
	if v.Password == "" {
		was, ok := d.users.was(v.ID)
		if !ok {
			c.fault("password", "password-empty")
		}
		v.Password = was.Password
	}
	d.users.after[v.ID] = v
	return nil
}

// CheckPassword notes a fault of the password that a user is to have.
func (d *Draft) CheckPassword(id insole.UserID, password string) {
	if len(password) < auth.MinPassword || len(password) > auth.MaxPassword {
		d.checker("user", string(id)).fault("password", "password", "min", strconv.Itoa(auth.MinPassword), "max", strconv.Itoa(auth.MaxPassword))
	}
}

// DropUser removes a user. The last admin is a fault: nobody could let anybody in again.
func (d *Draft) DropUser(id insole.UserID, version int) error {
	err := d.users.expect("user", id, version)
	delete(d.users.after, id)
	return err
}

// User is a user that is to be, as it will be kept; false when there is none.
func (d *Draft) User(id insole.UserID) (store.Kept[insole.User], bool) { return d.users.kept(id) }
