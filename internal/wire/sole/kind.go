package sole

import (
	"strconv"
	"strings"

	"solewatch/internal/insole"
)

// kinds are the codes of record kinds. Those that Kind.Urgent calls calm are below 16; see calm.
var kinds = map[byte]insole.Kind{
	0x01: insole.KindFix,
	0x02: insole.KindStatus,
	0x03: insole.KindSteps,
	0x04: insole.KindBattery,
	0x10: insole.KindPreAlarm,
	0x11: insole.KindPreAlarmCancel,
	0x12: insole.KindSOS,
	0x13: insole.KindCovertSOS,
	0x14: insole.KindFall,
	0x15: insole.KindStill,
	0x16: insole.KindLowBattery,
	0x17: insole.KindTakenOff,
	0x18: insole.KindCheckIn,
	0x19: insole.KindUpright,
	0x1a: insole.KindAnswer,
}

var kindCodes = inverse(kinds)

// calm says whether a record with this kind code may wait. A code nobody knows may not.
func calm(code byte) bool { return code >= 0x01 && code <= 0x04 }

// unknown begins the name of a kind that this package does not know; its code in decimal follows.
const unknown = "unknown-"

func kindOf(code byte) insole.Kind {
	k, ok := kinds[code]
	if !ok {
		return insole.Kind(unknown + strconv.Itoa(int(code)))
	}
	return k
}

func codeOf(k insole.Kind) (byte, bool) {
	code, ok := kindCodes[k]
	if ok {
		return code, true
	}
	digits, ok := strings.CutPrefix(string(k), unknown)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 8)
	return byte(n), err == nil
}

var sources = map[byte]insole.Source{
	1: insole.SourceGPS,
	2: insole.SourceCell,
	3: insole.SourceWiFi,
	4: insole.SourceBeacon,
}

var sourceCodes = inverse(sources)

var postures = map[byte]insole.Posture{
	1: insole.Standing,
	2: insole.Walking,
	3: insole.Running,
	4: insole.Sitting,
	5: insole.Lying,
}

var postureCodes = inverse(postures)

func inverse[V comparable](m map[byte]V) map[V]byte {
	r := make(map[V]byte, len(m))
	for code, v := range m {
		r[v] = code
	}
	return r
}
