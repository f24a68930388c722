package queue

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
)

// AppendEnvelope appends e as JSON, exactly as encoding/json would say it but for the characters that SQS does not carry, which become
// U+FFFD. It is here because the bridge does little else per frame.
func AppendEnvelope(dst []byte, bridge string, frames []Frame) []byte {
	dst = AppendHead(dst, bridge)
	for i := range frames {
		dst = AppendFrame(dst, i == 0, &frames[i])
	}
	return AppendTail(dst)
}

// AppendHead appends what stands before the frames of an envelope.
func AppendHead(dst []byte, bridge string) []byte {
	dst = append(dst, `{"v":`...)
	dst = strconv.AppendInt(dst, EnvelopeVersion, 10)
	dst = append(dst, `,"bridge":`...)
	dst = appendString(dst, bridge)
	return append(dst, `,"frames":[`...)
}

// AppendTail appends what stands after them.
func AppendTail(dst []byte) []byte { return append(dst, "]}"...) }

// AppendFrame appends one frame, and the comma before it unless it is the first.
func AppendFrame(dst []byte, first bool, f *Frame) []byte {
	if !first {
		dst = append(dst, ',')
	}
	return appendRest(appendWho(dst, f), f)
}

// AppendFrames appends frames of one insole, which have everything but HeardAtMs and Raw in common: what they share is spelled once and copied.
func AppendFrames(dst []byte, first bool, f Frame, rest func(yield func(heardAtMs int64, raw []byte) bool)) []byte {
	from, to := 0, 0
	for at, raw := range rest {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		if to == 0 {
			from = len(dst)
			dst = appendWho(dst, &f)
			to = len(dst)
		} else {
			dst = append(dst, dst[from:to]...)
		}
		f.HeardAtMs, f.Raw = at, raw
		dst = appendRest(dst, &f)
	}
	return dst
}

func appendWho(dst []byte, f *Frame) []byte {
	dst = append(dst, '{')
	dst = appendField(dst, `"insole":`, string(f.Insole))
	dst = appendField(dst, `"dialect":`, string(f.Dialect))
	dst = appendField(dst, `"org":`, string(f.Org))
	dst = appendField(dst, `"team":`, string(f.Team))
	dst = appendField(dst, `"worker":`, string(f.Worker))
	dst = appendField(dst, `"workerName":`, f.WorkerName)
	return appendField(dst, `"locale":`, f.Locale)
}

func appendRest(dst []byte, f *Frame) []byte {
	dst = append(dst, `"heardAtMs":`...)
	dst = strconv.AppendInt(dst, f.HeardAtMs, 10)
	dst = append(dst, ',')
	dst = appendField(dst, `"remote":`, f.Remote)
	dst = appendField(dst, `"quarantine":`, f.Quarantine)
	if f.Bye {
		dst = append(dst, `"bye":true,`...)
	}
	dst = append(dst, `"raw":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, f.Raw)
	return append(dst, `"}`...)
}

// Size is an upper bound for what AppendFrame appends for a frame whose strings are ids (nothing to escape).
func (f *Frame) Size() int {
	return 160 + len(f.Insole) + len(f.Dialect) + len(f.Org) + len(f.Team) + len(f.Worker) + 6*(len(f.WorkerName)+len(f.Locale)+len(f.Remote)+len(f.Quarantine)) +
		base64.StdEncoding.EncodedLen(len(f.Raw))
}

func appendField(dst []byte, name, v string) []byte {
	if v == "" {
		return dst
	}
	dst = append(dst, name...)
	dst = appendString(dst, v)
	return append(dst, ',')
}

func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return appendEscaped(dst, s)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

func appendEscaped(dst []byte, s string) []byte {
	b, err := json.Marshal(strings.Map(func(r rune) rune {
		if r == 0xfffe || r == 0xffff { // all others below space are escaped by JSON, so the body stays legal XML
			return 0xfffd
		}
		return r
	}, s))
	if err != nil { // a string always marshals
		return append(dst, `""`...)
	}
	return append(dst, b...)
}
