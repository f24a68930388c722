package sole

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"
	"time"
	"unsafe"

	"solewatch/internal/insole"
)

func TestLimits(t *testing.T) {
	device, server := pair(t)
	b, err := device.Seal(nil, TypeData, make([]byte, MaxBody))
	if err != nil || len(b) != MaxFrame {
		t.Fatalf("Seal of %d bytes = %d bytes, %v, want %d", MaxBody, len(b), err, MaxFrame)
	}
	f, _, err := Split(b)
	if err == nil {
		err = server.Open(f)
	}
	if err != nil {
		t.Errorf("the longest frame: %v", err)
	}
	sent := device.sent
	_, err = device.Seal(nil, TypeData, make([]byte, MaxBody+1))
	if !errors.Is(err, ErrTooLong) || device.sent != sent {
		t.Errorf("Seal of %d bytes: %v, counter %d, want %v, %d", MaxBody+1, err, device.sent, ErrTooLong, sent)
	}
	_, err = device.Seal(nil, TypeHello, nil)
	if !errors.Is(err, ErrMAC) {
		t.Errorf("Seal of an open type: %v, want %v", err, ErrMAC)
	}
	_, err = device.AppendData(nil, Data{Records: make([]Record, 256)})
	if !errors.Is(err, ErrTooMany) || device.sent != sent {
		t.Errorf("256 records: %v, counter %d, want %v, %d", err, device.sent, ErrTooMany, sent)
	}
	_, err = NewSession(Insole, make([]byte, 31), Hello{}, Challenge{})
	if !errors.Is(err, ErrKey) {
		t.Errorf("key of 31 bytes: %v, want %v", err, ErrKey)
	}
	// The length is judged before the bytes are there.
	for _, size := range []uint16{MaxBody + 1, math.MaxUint16} {
		_, _, err = Split(binary.BigEndian.AppendUint16([]byte("Sd"), size))
		if !errors.Is(err, ErrTooLong) {
			t.Errorf("Split of a header of %d bytes: %v, want %v", size, err, ErrTooLong)
		}
	}
	// A count that the bytes cannot hold costs nothing.
	head := append(make([]byte, 14), 255)
	d, err := DecodeBody(head)
	if !errors.Is(err, ErrMalformed) || cap(d.Records) != 0 {
		t.Errorf("255 records in no bytes: room for %d, %v", cap(d.Records), err)
	}
	if size := unsafe.Sizeof(Session{}); size != 80 {
		t.Errorf("a Session is %d bytes, want 80: the bridge holds one for each connection", size)
	}
}

// What an insole cannot say is brought to the nearest thing it can.
func TestClamps(t *testing.T) {
	at := time.Unix(1_795_369_126, 0).UTC()
	body, err := AppendBody(nil, Data{Boot: 1, Records: []Record{{
		Seq:  1,
		At:   at,
		Kind: insole.KindSOS,
		Fix: &insole.Fix{Lat: 91, Lon: -181, Altitude: 1e9, Speed: 1e9, Course: 359.999, Accuracy: math.Inf(1),
			Satellites: 300, Source: "dowsing", At: at.Add(time.Hour)},
		Battery:  &insole.Battery{Percent: 120, Millivolts: -5},
		PreAlarm: 100 * time.Hour,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := DecodeBody(body)
	if err != nil || len(d.Records) != 1 || d.Records[0].Faults != nil {
		t.Fatalf("%+v, %v", d, err)
	}
	r := d.Records[0]
	want := insole.Fix{Lat: 90, Lon: -180, Altitude: 32767, Speed: 655.35, Course: 359.99, Accuracy: 65535, Satellites: 255, At: at}
	if *r.Fix != want {
		t.Errorf("fix %+v, want %+v", *r.Fix, want)
	}
	if *r.Battery != (insole.Battery{Percent: 100}) || r.PreAlarm != 65535*time.Second {
		t.Errorf("battery %+v, pre-alarm %v", *r.Battery, r.PreAlarm)
	}
	if got := clamp(math.NaN(), -5, 5); got != 0 {
		t.Errorf("clamp(NaN) = %v", got)
	}
}

func TestAppendDataRefuses(t *testing.T) {
	for name, r := range map[string]Record{
		"no sequence": {Kind: insole.KindFix},
		"no kind":     {Seq: 1},
		"new kind":    {Seq: 1, Kind: "sneeze"},
	} {
		device, _ := pair(t)
		dst := []byte("kept")
		got, err := device.AppendData(dst, Data{Records: []Record{r}})
		if !errors.Is(err, insole.ErrInvalid) || string(got) != "kept" || device.sent != 0 {
			t.Errorf("%s: %q, %v, counter %d", name, got, err, device.sent)
		}
	}
}

// The lane must not depend on who is asked: the codes here and insole.Kind agree.
func TestCalmIsNotUrgent(t *testing.T) {
	for code := range 256 {
		if k := kindOf(byte(code)); calm(byte(code)) == k.Urgent() {
			t.Errorf("kind %02x: calm here, and %s.Urgent() = %v", code, k, k.Urgent())
		}
	}
	if len(kinds) != len(kindCodes) || len(sources) != len(sourceCodes) || len(postures) != len(postureCodes) {
		t.Error("two codes mean the same")
	}
}

func TestIDs(t *testing.T) {
	h, _ := greeting()
	got, err := ParseID(h.Insole())
	if err != nil || got != h.ID {
		t.Errorf("ParseID(%s) = %x, %v", h.Insole(), got, err)
	}
	for _, id := range []insole.ID{"", "352093081452251", "00A1B2C3D4E5F607", "00a1b2c3d4e5f60g", "00a1b2c3d4e5f6071"} {
		_, err := ParseID(id)
		if !errors.Is(err, insole.ErrInvalid) {
			t.Errorf("ParseID(%q) = %v, want %v", id, err, insole.ErrInvalid)
		}
	}
}

func TestReports(t *testing.T) {
	heard := time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)
	at := heard.Add(-time.Hour)
	body, err := AppendBody(nil, Data{Boot: 42, Records: []Record{
		{Seq: 9, At: at, Kind: insole.KindAnswer, Downlink: 77, Result: Confirmed},
		{Boot: 41, Seq: 8, Kind: "unknown-99", Fix: &insole.Fix{Lat: 1, Lon: 2}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Reports("00a1b2c3d4e5f607", body, heard)
	if err != nil || len(got) != 2 {
		t.Fatalf("%d reports, %v", len(got), err)
	}
	if got[0].Key() != "b0000000042-0000000009" || got[1].Key() != "b0000000041-0000000008" {
		t.Errorf("keys %s, %s", got[0].Key(), got[1].Key())
	}
	if a := got[0]; a.Downlink != 77 || a.Extra["result"] != 3 || !a.DeviceAt.Equal(at) || !a.HeardAt.Equal(heard) || a.Dialect != insole.SOLE {
		t.Errorf("answer %+v", a)
	}
	if u := got[1]; u.Extra["kind"] != 99 || !u.Kind.Urgent() || !u.DeviceAt.IsZero() || !u.Fix.At.Equal(heard) {
		t.Errorf("unknown kind without a clock: %+v", u)
	}
	body[len(body)-1] |= 0x80 // the age of the fix does not end
	got, err = Reports("00a1b2c3d4e5f607", body, heard)
	if err != nil || len(got) != 2 || got[1].Fix != nil || got[1].Extra["fault-tail"] != 1 {
		t.Errorf("a cut fix: %+v, %v", got, err)
	}
}
