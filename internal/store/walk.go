package store

import (
	"encoding/binary"

	"solewatch/internal/rules"
)

// packWalk is w as unsigned varints: since and last (ms since 1970), boot and steps. Nothing for the zero Walk.
func packWalk(w rules.Walk) []byte {
	if w == (rules.Walk{}) {
		return nil
	}
	b := binary.AppendUvarint(nil, uint64(ms(w.Since)))
	b = binary.AppendUvarint(b, uint64(ms(w.Last)))
	b = binary.AppendUvarint(b, uint64(w.Boot))
	return binary.AppendUvarint(b, uint64(w.Steps))
}

// unpackWalk is its other half. What cannot be read is a walk that has not begun.
func unpackWalk(b []byte) rules.Walk {
	var n [4]uint64
	for i := range n {
		v, size := binary.Uvarint(b)
		if size <= 0 {
			return rules.Walk{}
		}
		n[i], b = v, b[size:]
	}
	return rules.Walk{Since: timeOf(int64(n[0])), Last: timeOf(int64(n[1])), Boot: uint32(n[2]), Steps: uint32(n[3])}
}
