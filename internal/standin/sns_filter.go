package standin

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// readFilter reads a filter policy: attribute names, each with a list of the strings it may have. AWS's other
// operators (prefix, numeric, anything-but, exists, $or) are refused by name.
func readFilter(policy string) (map[string][]string, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(policy), &raw); err != nil {
		return nil, errors.New("failed to parse JSON")
	}
	out := map[string][]string{}
	for name, r := range raw {
		var list []any
		if err := json.Unmarshal(r, &list); err != nil {
			return nil, fmt.Errorf("%q must be an object or an array", name)
		}
		if len(list) == 0 {
			return nil, errors.New("Empty arrays are not allowed")
		}
		for _, x := range list {
			s, ok := x.(string)
			if !ok {
				return nil, fmt.Errorf("stand-in: only lists of strings are served, not %v in %q", x, name)
			}
			out[name] = append(out[name], s)
		}
	}
	return out, nil
}

// wants tells whether the subscription's filter policy lets a message with these attributes through: every name
// of the policy must be there, with one of its strings, alone or in a String.Array.
func (s subscription) wants(attrs map[string]MessageAttribute) bool {
	if s.Filter == "" {
		return true
	}
	policy, err := readFilter(s.Filter)
	if err != nil {
		return false
	}
	for name, allowed := range policy {
		a, ok := attrs[name]
		if !ok {
			return false
		}
		values := []string{a.StringValue}
		if a.DataType == "String.Array" {
			var list []any
			if json.Unmarshal([]byte(a.StringValue), &list) != nil {
				return false
			}
			values = nil
			for _, x := range list {
				if v, ok := x.(string); ok {
					values = append(values, v)
				}
			}
		}
		if !slices.ContainsFunc(values, func(v string) bool { return slices.Contains(allowed, v) }) {
			return false
		}
	}
	return true
}
