package sole

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"solewatch/internal/insole"
)

var update = flag.Bool("update", false, "write the vectors in testdata")

// A vector is one file of testdata: a conversation, byte by byte, with what each frame means. It is written for people who
// make SOLE/1 in another language, so it uses integers in the units of the wire.
type vector struct {
	Name        string  `json:"name"`
	Key         hexed   `json:"key"`         // of the insole
	ClientNonce hexed   `json:"clientNonce"` // what the insole draws
	ServerNonce hexed   `json:"serverNonce"` // what the server draws
	UpKey       hexed   `json:"upKey"`       // derived
	DownKey     hexed   `json:"downKey"`     // derived
	Frames      []frame `json:"frames"`      // in the order sent
}

type frame struct {
	Name    string  `json:"name"`
	From    string  `json:"from"`              // "insole" or "server"
	Counter *uint64 `json:"counter,omitempty"` // under the MAC; absent when there is none
	Hex     hexed   `json:"hex"`
	Error   string  `json:"error,omitempty"` // name of the error that a reader must give; "" when it is good

	Type      string        `json:"type,omitempty"`
	Hello     *helloSays    `json:"hello,omitempty"`
	Challenge *hexed        `json:"challenge,omitempty"` // nonce
	Reject    *rejectSays   `json:"reject,omitempty"`
	Welcome   *int64        `json:"welcome,omitempty"` // ms since 1970
	Data      *dataSays     `json:"data,omitempty"`
	Ack       *uint16       `json:"ack,omitempty"` // frame number
	Nack      *nackSays     `json:"nack,omitempty"`
	Downlink  *downlinkSays `json:"downlink,omitempty"`
	Bye       *int          `json:"bye,omitempty"` // reason
}

type helloSays struct {
	Insole insole.ID `json:"insole"`
	Nonce  hexed     `json:"nonce"`
	Boot   uint32    `json:"boot"`
}

type rejectSays struct {
	Reason  int `json:"reason"`
	Version int `json:"version"`
}

type nackSays struct {
	Number uint16 `json:"number"`
	Reason int    `json:"reason"`
}

type downlinkSays struct {
	ID      uint32 `json:"id"`
	Command int    `json:"command"`
	Pattern int    `json:"pattern,omitempty"`
	MovingS int    `json:"movingS,omitempty"`
	StillS  int    `json:"stillS,omitempty"`
}

type dataSays struct {
	Number  uint16       `json:"number"`
	Boot    uint32       `json:"boot"`
	Urgent  bool         `json:"urgent"`
	Records []recordSays `json:"records"`
}

type recordSays struct {
	Boot      uint32         `json:"boot"`
	Seq       uint32         `json:"seq"`
	TimeMs    *int64         `json:"timeMs,omitempty"` // since 1970; absent when the insole has no clock
	Kind      insole.Kind    `json:"kind"`
	Fix       *fixSays       `json:"fix,omitempty"`
	Battery   *batterySays   `json:"battery,omitempty"`
	ExpectS   int            `json:"expectS,omitempty"`
	Steps     uint32         `json:"steps,omitempty"`
	Posture   insole.Posture `json:"posture,omitempty"`
	PreAlarmS int            `json:"preAlarmS,omitempty"`
	About     insole.Kind    `json:"about,omitempty"`
	Downlink  uint32         `json:"downlink,omitempty"`
	Result    int            `json:"result,omitempty"`
	Faults    []string       `json:"faults,omitempty"`
}

type fixSays struct {
	LatE7      int           `json:"latE7"`
	LonE7      int           `json:"lonE7"`
	AltitudeM  int           `json:"altitudeM"`
	SpeedCms   int           `json:"speedCms"`
	CourseE2   int           `json:"courseE2"` // 0.01°
	AccuracyM  int           `json:"accuracyM"`
	Satellites int           `json:"satellites"`
	Source     insole.Source `json:"source"`
	AgeS       int           `json:"ageS"`
}

type batterySays struct {
	Percent    int  `json:"percent"`
	Millivolts int  `json:"millivolts"`
	Charging   bool `json:"charging"`
}

// hexed is bytes that are lower-case hexadecimal in JSON.
type hexed []byte

func (h hexed) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexed) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

func says(d Data, body []byte) *dataSays {
	out := dataSays{Number: d.Number, Boot: d.Boot, Urgent: Urgent(body)}
	for _, r := range d.Records {
		s := recordSays{
			Boot:      r.Boot,
			Seq:       r.Seq,
			Kind:      r.Kind,
			ExpectS:   int(r.Expect / time.Second),
			Steps:     r.Steps,
			Posture:   r.Posture,
			PreAlarmS: int(r.PreAlarm / time.Second),
			About:     r.About,
			Downlink:  r.Downlink,
			Result:    int(r.Result),
			Faults:    r.Faults,
		}
		if !r.At.IsZero() {
			ms := r.At.UnixMilli()
			s.TimeMs = &ms
		}
		if f := r.Fix; f != nil {
			whole := func(v float64) int { return int(math.Round(v)) }
			s.Fix = &fixSays{whole(f.Lat * 1e7), whole(f.Lon * 1e7), whole(f.Altitude), whole(f.Speed * 100), whole(f.Course * 100), whole(f.Accuracy), f.Satellites, f.Source, int(r.age / time.Second)}
		}
		if b := r.Battery; b != nil {
			s.Battery = &batterySays{b.Percent, b.Millivolts, b.Charging}
		}
		out.Records = append(out.Records, s)
	}
	return &out
}

// read fills in what the bytes of f mean. who is the reader's end of the session, nil before there is one.
func (f *frame) read(who *Session) {
	f.Error = errorName(f.parse(who))
}

func (f *frame) parse(who *Session) error {
	got, n, err := Split(f.Hex)
	if err != nil {
		return err
	}
	if n != len(f.Hex) {
		return errors.New("bytes after the frame")
	}
	f.Type = got.Type.String()
	if got.Type.Authenticated() {
		counter := who.Opened()
		f.Counter = &counter
		err = who.Open(got)
		if err != nil {
			return err
		}
	}
	switch got.Type {
	case TypeHello:
		h, err := ParseHello(got.Body)
		if err != nil {
			return err
		}
		f.Hello = &helloSays{h.Insole(), h.Nonce[:], h.Boot}
	case TypeChallenge:
		c, err := ParseChallenge(got.Body)
		if err != nil {
			return err
		}
		nonce := hexed(c.Nonce[:])
		f.Challenge = &nonce
	case TypeReject:
		why, version, err := ParseReject(got.Body)
		if err != nil {
			return err
		}
		f.Reject = &rejectSays{int(why), version}
	case TypeWelcome:
		now, err := ParseWelcome(got.Body)
		if err != nil {
			return err
		}
		ms := now.UnixMilli()
		f.Welcome = &ms
	case TypeData:
		d, err := DecodeBody(got.Body)
		if d.Records != nil {
			f.Data = says(d, got.Body)
		}
		return err
	case TypeAck:
		number, err := ParseAck(got.Body)
		if err != nil {
			return err
		}
		f.Ack = &number
	case TypeNack:
		number, why, err := ParseNack(got.Body)
		if err != nil {
			return err
		}
		f.Nack = &nackSays{number, int(why)}
	case TypeDownlink:
		d, err := ParseDownlink(got.Body)
		if err != nil {
			return err
		}
		f.Downlink = &downlinkSays{d.ID, int(d.Command), int(d.Pattern), int(d.Moving / time.Second), int(d.Still / time.Second)}
	case TypeBye:
		why, err := ParseBye(got.Body)
		if err != nil {
			return err
		}
		reason := int(why)
		f.Bye = &reason
	}
	return nil
}

func errorName(err error) string {
	if err == nil {
		return ""
	}
	for name, e := range map[string]error{"ErrShort": ErrShort, "ErrMagic": ErrMagic, "ErrTooLong": ErrTooLong, "ErrCRC": ErrCRC, "ErrMAC": ErrMAC, "ErrVersion": ErrVersion, "ErrMalformed": ErrMalformed} {
		if errors.Is(err, e) {
			return name
		}
	}
	return err.Error()
}

func vectorFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	return files
}

func loadVector(t testing.TB, file string) vector {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var v vector
	err = json.Unmarshal(b, &v)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return v
}

// The files are what this package writes, and nothing else writes them.
func TestVectorsAreCurrent(t *testing.T) {
	vectors := generate(t)
	for file, v := range vectors {
		b, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, '\n')
		path := filepath.Join("testdata", file)
		if *update {
			err = os.WriteFile(path, b, 0o644)
			if err != nil {
				t.Fatal(err)
			}
		}
		old, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(old), string(b)); diff != "" {
			t.Errorf("%s is not what is written now; read the difference, then run with -update (-file +now):\n%s", path, diff)
		}
	}
	if files := vectorFiles(t); len(files) != len(vectors) {
		t.Errorf("%d files of vectors, %d are written", len(files), len(vectors))
	}
}

// TestVectors reads every file as a stranger would: from its key, nonces and bytes alone. In refused.json each frame
// stands alone, is read with the counter it names, and is refused; everywhere else every frame is good.
func TestVectors(t *testing.T) {
	for _, file := range vectorFiles(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			v := loadVector(t, file)
			h, c := greeting()
			copy(h.Nonce[:], v.ClientNonce)
			copy(c.Nonce[:], v.ServerNonce)
			device, server := sides(t, v.Key, h, c)
			if diff := cmp.Diff([]hexed{v.UpKey, v.DownKey}, []hexed{device.send[:], device.recv[:]}); diff != "" {
				t.Fatalf("keys (-want +got):\n%s", diff)
			}
			alone := filepath.Base(file) == "refused.json"
			for _, want := range v.Frames {
				got := frame{Name: want.Name, From: want.From, Hex: want.Hex}
				who := &server
				if want.From == "server" {
					who = &device
				}
				if alone {
					one := *who
					if want.Counter != nil {
						one.opened = *want.Counter
					}
					who = &one
				}
				got.read(who)
				if (got.Error != "") != alone {
					t.Errorf("%s: error %q", want.Name, got.Error)
				}
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", want.Name, diff)
				}
			}
		})
	}
}

func sides(t testing.TB, key []byte, h Hello, c Challenge) (device, server Session) {
	t.Helper()
	device, err := NewSession(Insole, key, h, c)
	if err != nil {
		t.Fatal(err)
	}
	server, err = NewSession(Server, key, h, c)
	if err != nil {
		t.Fatal(err)
	}
	return device, server
}
