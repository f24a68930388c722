package directory

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"solewatch/internal/insole"
)

// CheckCare gives c as it is to be kept, by the rules that hold for all names and telephones. Its error is Faults.
func CheckCare(c insole.Care) (insole.Care, error) {
	var found Faults
	by := checker{"care", string(c.Worker), &found}
	c.Note = strings.TrimSpace(c.Note)
	switch {
	case len(c.Note) > insole.MaxCareNote:
		by.fault("note", "note-long", "max", strconv.Itoa(insole.MaxCareNote))
	case !utf8.ValidString(c.Note) || strings.ContainsFunc(c.Note, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		by.fault("note", "note-control")
	}
	if len(c.Contacts) > insole.MaxCareContacts {
		by.fault("contacts", "too-many", "max", strconv.Itoa(insole.MaxCareContacts))
		return c, found
	}
	kept := make([]insole.CareContact, len(c.Contacts))
	for i, p := range c.Contacts {
		at := "contacts[" + strconv.Itoa(i) + "]."
		kept[i] = insole.CareContact{Name: by.name(at+"name", p.Name), Phone: by.phone(at+"phone", p.Phone), Relation: strings.TrimSpace(p.Relation)}
		if kept[i].Phone == "" {
			by.fault(at+"phone", "phone", "given", "")
		}
		if r := kept[i].Relation; r != "" && by.name(at+"relation", r) != "" && utf8.RuneCountInString(r) > insole.MaxRelation {
			by.fault(at+"relation", "name-long", "max", strconv.Itoa(insole.MaxRelation))
		}
	}
	c.Contacts = kept
	if len(found) > 0 {
		return c, found
	}
	return c, nil
}
