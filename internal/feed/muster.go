package feed

import "solewatch/internal/insole"

// MusterOf is how screens are told of m.
func MusterOf(m insole.Muster) Muster {
	return Muster{ID: string(m.ID), State: string(m.State), Called: m.Called, Version: int64(m.Version)}
}

// SummonsOf is how screens are told of s.
func SummonsOf(s insole.Summons) Summons {
	return Summons{
		Muster: string(s.Muster), Worker: string(s.Worker), State: string(s.State), Why: string(s.Why), FeltAtMs: ms(s.FeltAt), SafeAtMs: ms(s.SafeAt),
		ByName: s.ByName, Alarm: string(s.Alarm), Version: int64(s.Version),
	}
}
