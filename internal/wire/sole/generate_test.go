package sole

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"solewatch/internal/insole"
)

// A script writes one conversation down.
type script struct {
	t              testing.TB
	v              vector
	device, server Session // who sends
	devIn, srvIn   Session // who reads
}

func newScript(t testing.TB, name string) *script {
	h, c := greeting()
	s := &script{t: t, v: vector{Name: name, Key: testKey(), ClientNonce: h.Nonce[:], ServerNonce: c.Nonce[:]}}
	s.device, s.server = pair(t)
	s.devIn, s.srvIn = pair(t)
	s.v.UpKey, s.v.DownKey = bytes.Clone(s.device.send[:]), bytes.Clone(s.device.recv[:])
	return s
}

func (s *script) up(name string, b []byte)   { s.add(name, "insole", b, &s.srvIn) }
func (s *script) down(name string, b []byte) { s.add(name, "server", b, &s.devIn) }

func (s *script) add(name, from string, b []byte, reader *Session) {
	f := frame{Name: name, From: from, Hex: b}
	f.read(reader)
	s.v.Frames = append(s.v.Frames, f)
}

func (s *script) data(name string, d Data) {
	b, err := s.device.AppendData(nil, d)
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	s.up(name, b)
}

// generate makes every vector, by name of its file.
func generate(t testing.TB) map[string]vector {
	all := make(map[string]vector)
	for file, s := range map[string]*script{
		"session-sos.json":  scriptSOS(t),
		"session-idle.json": scriptIdle(t),
		"rejected.json":     scriptRejected(t),
		"newer.json":        scriptNewer(t),
		"refused.json":      scriptRefused(t),
	} {
		all[file] = s.v
	}
	return all
}

func scriptSOS(t testing.TB) *script {
	s := newScript(t, "An insole comes back with an SOS and a backlog, is asked for things, and is replaced by a newer session")
	h, c := greeting()
	now := time.Date(2026, 11, 22, 17, 38, 47, 5e6, time.UTC)
	at := now.Add(-216 * time.Millisecond)
	fix := func(at time.Time) *insole.Fix {
		return &insole.Fix{Lat: 43.6163442, Lon: 7.0552218, Altitude: 132, Speed: 1.34, Course: 271.5, Accuracy: 6, Satellites: 11, Source: insole.SourceGPS, At: at}
	}
	s.up("hello", AppendHello(nil, h))
	s.down("challenge", AppendChallenge(nil, c))
	s.data("the first proven frame is an SOS, newest first, with two positions of the backlog", Data{Number: 1, Boot: 42, Records: []Record{
		{Seq: 103, At: at, Kind: insole.KindSOS, Fix: fix(at.Add(-12 * time.Second)), Battery: &insole.Battery{Percent: 83, Millivolts: 3921}, Expect: 5 * time.Second},
		{Seq: 102, At: at.Add(-10 * time.Second), Kind: insole.KindFix, Fix: fix(at.Add(-10 * time.Second))},
		{Seq: 101, At: at.Add(-20 * time.Second), Kind: insole.KindFix, Fix: &insole.Fix{Lat: -33.8567844, Lon: -151.2152967, Altitude: -4, Accuracy: 1200, Source: insole.SourceCell, At: at.Add(-20 * time.Second)}},
	}})
	s.down("welcome", s.server.AppendWelcome(nil, now))
	s.down("ack", s.server.AppendAck(nil, 1))
	plainData := plain()
	plainData.Number = 2
	s.data("a plain position", plainData)
	s.down("it could not be kept", s.server.AppendNack(nil, 2, NackLater))
	s.data("the same again, under the next counter", plainData)
	s.down("ack of the plain position", s.server.AppendAck(nil, 2))
	s.data("from before the restart, and without a clock", Data{Number: 3, Boot: 42, Records: []Record{
		{Seq: 1, Kind: insole.KindCovertSOS},
		{Boot: 41, Seq: 90_000, At: at.Add(-72 * time.Hour), Kind: insole.KindFix, Fix: fix(at.Add(-72 * time.Hour))},
		{Boot: 41, Seq: 90_001, At: at.Add(-71 * time.Hour), Kind: insole.KindSteps, Steps: 12_345, Posture: insole.Walking},
	}})
	s.down("ack of the backlog", s.server.AppendAck(nil, 3))
	s.down("vibrate", s.server.AppendDownlink(nil, Downlink{ID: 1, Command: Vibrate, Pattern: PatternLong}))
	s.down("taken", s.server.AppendDownlink(nil, Downlink{ID: 2, Command: Taken}))
	s.down("cancelled", s.server.AppendDownlink(nil, Downlink{ID: 3, Command: Cancelled}))
	s.down("evacuate", s.server.AppendDownlink(nil, Downlink{ID: 4, Command: Evacuate}))
	s.down("ask for a fix", s.server.AppendDownlink(nil, Downlink{ID: 5, Command: AskFix}))
	s.down("set intervals", s.server.AppendDownlink(nil, Downlink{ID: 0xdeadbeef, Command: SetIntervals, Moving: 10 * time.Second, Still: 5 * time.Minute}))
	s.data("answers", Data{Number: 4, Boot: 42, Records: []Record{
		{Seq: 104, At: at.Add(time.Second), Kind: insole.KindAnswer, Downlink: 1, Result: Done},
		{Seq: 105, At: at.Add(time.Second), Kind: insole.KindAnswer, Downlink: 4, Result: Confirmed},
		{Seq: 106, At: at.Add(time.Second), Kind: insole.KindAnswer, Downlink: 5, Result: Unable},
		{Seq: 107, At: at.Add(time.Second), Kind: insole.KindAnswer, Downlink: 0xdeadbeef, Result: Unsupported},
	}})
	s.down("ack of the answers", s.server.AppendAck(nil, 4))
	s.data("every other kind", Data{Number: 5, Boot: 42, Records: []Record{
		{Seq: 108, At: at, Kind: insole.KindPreAlarm, PreAlarm: 30 * time.Second, About: insole.KindFall, Expect: 5 * time.Second},
		{Seq: 109, At: at, Kind: insole.KindPreAlarmCancel},
		{Seq: 110, At: at, Kind: insole.KindFall, Posture: insole.Lying},
		{Seq: 111, At: at, Kind: insole.KindStill},
		{Seq: 112, At: at, Kind: insole.KindLowBattery, Battery: &insole.Battery{Percent: 9, Millivolts: 3412}},
		{Seq: 113, At: at, Kind: insole.KindTakenOff},
		{Seq: 114, At: at, Kind: insole.KindCheckIn},
		{Seq: 115, At: at, Kind: insole.KindUpright, Posture: insole.Standing},
		{Seq: 116, At: at, Kind: insole.KindStatus, Expect: 300 * time.Second},
		{Seq: 117, At: at, Kind: insole.KindBattery, Battery: &insole.Battery{Percent: 100, Millivolts: 4200, Charging: true}},
	}})
	s.down("ack of the rest", s.server.AppendAck(nil, 5))
	s.down("the same insole has connected again", s.server.AppendBye(nil, ByeNewer))
	return s
}

func scriptIdle(t testing.TB) *script {
	s := newScript(t, "An insole with nothing to say proves itself, and switches off")
	h, c := greeting()
	s.up("hello", AppendHello(nil, h))
	s.down("challenge", AppendChallenge(nil, c))
	s.up("auth", s.device.AppendAuth(nil))
	s.down("welcome", s.server.AppendWelcome(nil, time.Date(2026, 11, 22, 17, 38, 47, 5e6, time.UTC)))
	s.up("bye", s.device.AppendBye(nil, ByeGoingAway))
	return s
}

func scriptRejected(t testing.TB) *script {
	s := newScript(t, "A server that will not talk")
	h, _ := greeting()
	s.up("hello", AppendHello(nil, h))
	s.down("version", AppendReject(nil, RejectVersion))
	s.down("refused", AppendReject(nil, RejectRefused))
	s.down("busy", AppendReject(nil, RejectBusy))
	s.down("frame", AppendReject(nil, RejectFrame))
	return s
}

// scriptNewer is what a newer insole may send, and what this version makes of it.
func scriptNewer(t testing.TB) *script {
	s := newScript(t, "A newer insole: a type, a kind, a field and an end of a body that this version does not know")
	must := func(b []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	s.up("unknown authenticated type: verified, counted, ignored", must(s.device.Seal(nil, 'z', []byte("new"))))
	body := must(AppendBody(nil, Data{Number: 1, Boot: 42, Records: []Record{
		{Seq: 1, At: time.Unix(1_795_369_126, 0), Kind: "unknown-99"},
		{Seq: 2, At: time.Unix(1_795_369_127, 0), Kind: insole.KindAnswer, Downlink: 7, Result: Done},
	}}))
	// The last record gets one more field, of a tag nobody knows.
	last := bytes.LastIndex(body, []byte{0x1a, flagTail}) - 1
	body[last] += 4
	body = append(body, 0x7f, 2, 0xca, 0xfe)
	s.up("unknown kind, and unknown field in a tail", must(s.device.Seal(nil, TypeData, body)))
	s.down("a longer ack", must(s.server.Seal(nil, TypeAck, []byte{0, 1, 0xff})))
	s.down("an unknown command", must(s.server.Seal(nil, TypeDownlink, []byte{0, 0, 0, 9, 200, 1, 2, 3})))
	return s
}

// scriptRefused is what a reader must refuse, each frame for itself.
func scriptRefused(t testing.TB) *script {
	s := newScript(t, "Frames to refuse, each for itself, read with the counter it names")
	h, c := greeting()
	recrc := func(b []byte) []byte {
		return binary.BigEndian.AppendUint16(b[:len(b)-2], crc16(b[:len(b)-2]))
	}
	must := func(b []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	add := func(name, from string, counter uint64, b []byte) {
		reader := s.srvIn
		if from == "server" {
			reader = s.devIn
		}
		reader.opened = counter
		s.add(name, from, b, &reader)
	}
	position := must(s.device.AppendData(nil, plain()))
	change := func(at int, with byte) []byte {
		b := bytes.Clone(position)
		b[at] = with
		return b
	}
	add("cut in its header", "insole", 0, position[:3])
	add("cut in its MAC", "insole", 0, position[:len(position)-6])
	add("not SOLE", "insole", 0, change(0, 'T'))
	add("a body of 1011 bytes", "insole", 0, append([]byte{'S', 'd', 0x03, 0xf3}, make([]byte, 1011+10)...))
	add("a bit of the body lost on the line", "insole", 0, change(20, position[20]^0x10))
	add("a bit of the CRC lost on the line", "insole", 0, change(len(position)-1, position[len(position)-1]^1))
	add("a bit of the body changed by somebody who can compute a CRC", "insole", 0, recrc(change(20, position[20]^0x10)))
	add("a bit of the MAC changed", "insole", 0, recrc(change(len(position)-3, position[len(position)-3]^1)))
	add("the type changed", "insole", 0, recrc(change(1, 'a')))
	add("replayed", "insole", 1, position)
	add("out of order: its counter is 0", "insole", 5, position)
	ack := s.server.AppendAck(nil, 7)
	add("the server's own ack sent back to it", "insole", 0, ack)
	add("an ack under another key", "server", 0, func() []byte {
		key := testKey()
		key[0] ^= 1
		forger, err := NewSession(Server, key, h, c)
		if err != nil {
			t.Fatal(err)
		}
		return forger.AppendAck(nil, 7)
	}())
	add("an ack of the session before", "server", 0, func() []byte {
		old := c
		old.Nonce[0] ^= 1
		before, err := NewSession(Server, testKey(), h, old)
		if err != nil {
			t.Fatal(err)
		}
		return before.AppendAck(nil, 7)
	}())
	hello := AppendHello(nil, h)
	hello[4] = 2
	add("hello of version 2", "insole", 0, recrc(hello))
	challenge := AppendChallenge(nil, c)
	challenge[4] = 2
	add("challenge of version 2", "server", 0, recrc(challenge))
	add("hello without boot epoch", "insole", 0, finish(append(begin(nil, TypeHello), AppendHello(nil, h)[4:21]...), 0))
	seal := func(name, from string, who Session, typ Type, body ...byte) {
		who.sent = 0
		add(name, from, 0, must(who.Seal(nil, typ, body)))
	}
	whole := must(AppendBody(nil, plain()))
	seal("welcome of 7 bytes", "server", s.server, TypeWelcome, make([]byte, 7)...)
	seal("ack of 1 byte", "server", s.server, TypeAck, 1)
	seal("nack without reason", "server", s.server, TypeNack, 0, 1)
	seal("downlink without command", "server", s.server, TypeDownlink, 0, 0, 0, 1)
	seal("vibrate without pattern", "server", s.server, TypeDownlink, 0, 0, 0, 1, byte(Vibrate))
	seal("bye without reason", "server", s.server, TypeBye)
	seal("data without a head", "insole", s.device, TypeData, whole[:14]...)
	seal("data that announces one record and has none", "insole", s.device, TypeData, whole[:15]...)
	seal("a byte after the last record", "insole", s.device, TypeData, append(bytes.Clone(whole), 0)...)
	seal("a position whose sequence is cut: left out", "insole", s.device, TypeData, append(bytes.Clone(whole[:15]), 2, 0x01, 0x00)...)
	seal("an SOS whose sequence is cut: still an SOS", "insole", s.device, TypeData, append(bytes.Clone(whole[:15]), 2, 0x12, 0x00)...)
	seal("an SOS whose record is cut: still an SOS", "insole", s.device, TypeData, append(bytes.Clone(whole[:15]), 30, 0x12, 0x01, 0x00)...)
	sequence0 := bytes.Clone(whole)
	copy(sequence0[6:10], []byte{0, 0, 0, 0})
	seal("a position of sequence 0: left out", "insole", s.device, TypeData, sequence0...)
	return s
}
