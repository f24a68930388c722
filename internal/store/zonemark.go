package store

import (
	"encoding/binary"

	"solewatch/internal/rules"
)

// What a live item remembers of zones, nothing when there is nothing to remember:
//
//	flags u8 (01 been inside) · marks
//
//	mark     zone u32 · flags u8 (01 raised, 02 owed) · since u48 (ms since 1970)
const markSize = 11

func packZones(z rules.Zones) []byte {
	if z == (rules.Zones{}) {
		return nil
	}
	var dst []byte
	dst = append(dst, flag(z.Been, 1))
	for _, m := range z.Marks {
		if m.Since.IsZero() {
			break
		}
		dst = binary.BigEndian.AppendUint32(dst, m.Zone)
		dst = append(dst, flag(m.Raised, 1)|flag(m.Owed, 2))
		at := binary.BigEndian.AppendUint64(nil, uint64(ms(m.Since)))
		dst = append(dst, at[2:]...)
	}
	return dst
}

// unpackZones is the other half of packZones. Of what it does not understand it remembers nothing: fixes will tell again.
func unpackZones(b []byte) rules.Zones {
	var z rules.Zones
	if len(b) == 0 || (len(b)-1)%markSize != 0 || len(b) > 1+rules.MaxMarks*markSize {
		return z
	}
	z.Been = b[0]&1 != 0
	b = b[1:]
	for i := 0; len(b) > 0; i++ {
		at := binary.BigEndian.Uint64(append([]byte{0, 0}, b[5:markSize]...))
		z.Marks[i] = rules.Mark{Zone: binary.BigEndian.Uint32(b), Raised: b[4]&1 != 0, Owed: b[4]&2 != 0, Since: timeOf(int64(at))}
		b = b[markSize:]
	}
	return z
}

func flag(on bool, bit byte) byte {
	if on {
		return bit
	}
	return 0
}
