package store

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"solewatch/internal/insole"
	"solewatch/internal/rules"
)

// MaxLive is the size of a live item that still costs one write unit, names of attributes included.
const MaxLive = 1024

// Live is what is known of an insole now, and its newest reports that are not in history yet.
type Live struct {
	Org     insole.OrgID
	Insole  insole.ID
	Worker  insole.WorkerID // who wore it when it was last heard
	State   rules.State
	Ring    []Point // in the order they arrived, all of one UTC day
	Version int64   // goes up by one with every write; 0 when nothing is stored yet
}

// item is l with short names:
//
//	v version · w worker · h heard · a happened (ms since 1970) · bo boot · sq sequence · la lo (1e-7°) · al m · ac dm · sp cm/s · co 0.1° ·
//	sa satellites · fs source · fa fix time ms · b battery percent · mv · ch charging · bt where its trend begins, minutes since 1970 × 128 + percent · st steps · po posture · ex expect s · of clock off ms ·
//	ls lost · cd conditions · cb cs boot and sequence of the newest cancel · z zones (packZones) · wk walk (packWalk) · mo last step of a shift by walking ·
//	os clock off since, ms · yf yl yn strays: first and last, ms, and how many · by bye, ms · q ring
func (l Live) item() item {
	s := l.State
	it := liveKey(l.Org, l.Insole).item()
	it["t"], it["v"] = str("live"), num(l.Version)
	if l.Worker != "" {
		it["w"] = str(string(l.Worker))
	}
	set := func(name string, n int64) {
		if n != 0 {
			it[name] = num(n)
		}
	}
	set("h", ms(s.HeardAt))
	set("a", ms(s.At))
	set("bo", int64(s.Boot))
	set("sq", int64(s.Seq))
	if f := s.Fix; f != nil {
		it["la"], it["lo"] = num(int64(math.Round(f.Lat*1e7))), num(int64(math.Round(f.Lon*1e7)))
		set("al", int64(math.Round(f.Altitude)))
		set("ac", int64(whole(f.Accuracy*10)))
		set("sp", int64(math.Round(f.Speed*100)))
		set("co", int64(math.Round(f.Course*10)))
		set("sa", int64(f.Satellites))
		set("fa", ms(f.At))
		if f.Source != "" {
			it["fs"] = str(string(f.Source))
		}
	}
	if b := s.Battery; b != nil {
		it["b"] = num(int64(b.Percent))
		set("mv", int64(b.Millivolts))
		if b.Charging {
			it["ch"] = yes()
		}
	}
	if !s.Level.At.IsZero() {
		it["bt"] = num(s.Level.At.Unix()/60*128 + int64(s.Level.Percent))
	}
	set("st", int64(s.Steps))
	if s.Posture != "" {
		it["po"] = str(string(s.Posture))
	}
	set("ex", int64(s.Expect/time.Second))
	set("of", s.ClockOff.Milliseconds())
	if s.Lost {
		it["ls"] = yes()
	}
	set("cd", int64(s.Conditions))
	set("cb", int64(s.CancelBoot))
	set("cs", int64(s.CancelSeq))
	if z := packZones(s.Zones); len(z) > 0 {
		it["z"] = bin(z)
	}
	if w := packWalk(s.Walk); len(w) > 0 {
		it["wk"] = bin(w)
	}
	set("mo", ms(s.MovedAt))
	set("os", ms(s.ClockSince))
	set("yf", ms(s.Strays.From))
	set("yl", ms(s.Strays.Last))
	set("yn", int64(s.Strays.N))
	set("by", ms(s.ByeAt))
	if len(l.Ring) > 0 {
		it["q"] = bin(packPoints(l.Ring))
	}
	return it
}

func liveFrom(it item) (Live, error) {
	org, ok := orgOfLivePK(strOf(it, "PK"))
	if !ok {
		return Live{}, fmt.Errorf("live item under %q: %w", strOf(it, "PK"), insole.ErrInvalid)
	}
	l := Live{Org: org, Insole: insole.ID(strOf(it, "SK")), Worker: insole.WorkerID(strOf(it, "w")), Version: numOf(it, "v")}
	s := &l.State
	s.HeardAt, s.At = timeOf(numOf(it, "h")), timeOf(numOf(it, "a"))
	s.Boot, s.Seq = uint32(numOf(it, "bo")), uint32(numOf(it, "sq"))
	if _, ok := it["la"]; ok {
		s.Fix = &insole.Fix{
			Lat: float64(numOf(it, "la")) / 1e7, Lon: float64(numOf(it, "lo")) / 1e7, Altitude: float64(numOf(it, "al")),
			Accuracy: float64(numOf(it, "ac")) / 10, Speed: float64(numOf(it, "sp")) / 100, Course: float64(numOf(it, "co")) / 10,
			Satellites: int(numOf(it, "sa")), Source: insole.Source(strOf(it, "fs")), At: timeOf(numOf(it, "fa")),
		}
	}
	if _, ok := it["b"]; ok {
		s.Battery = &insole.Battery{Percent: int(numOf(it, "b")), Millivolts: int(numOf(it, "mv")), Charging: boolOf(it, "ch")}
	}
	if n := numOf(it, "bt"); n > 0 {
		s.Level = rules.Level{At: time.Unix(n/128*60, 0).UTC(), Percent: int(n % 128)}
	}
	s.Steps, s.Posture = uint32(numOf(it, "st")), insole.Posture(strOf(it, "po"))
	s.Expect, s.ClockOff = time.Duration(numOf(it, "ex"))*time.Second, time.Duration(numOf(it, "of"))*time.Millisecond
	s.Lost, s.Conditions = boolOf(it, "ls"), rules.Condition(numOf(it, "cd"))
	s.CancelBoot, s.CancelSeq = uint32(numOf(it, "cb")), uint32(numOf(it, "cs"))
	s.Zones = unpackZones(binOf(it, "z"))
	s.Walk, s.MovedAt = unpackWalk(binOf(it, "wk")), timeOf(numOf(it, "mo"))
	s.ClockSince = timeOf(numOf(it, "os"))
	s.Strays = rules.Strays{From: timeOf(numOf(it, "yf")), Last: timeOf(numOf(it, "yl")), N: int(numOf(it, "yn"))}
	s.ByeAt = timeOf(numOf(it, "by"))
	var err error
	l.Ring, err = unpackPoints(binOf(it, "q"))
	if err != nil {
		return l, fmt.Errorf("live item of insole %s: %w", l.Insole, err)
	}
	return l, nil
}

// Live reads the live item of a stream image whose Kind is "live". The ring is read too.
func (m Image) Live() (Live, error) { return liveFrom(m.item()) }

// Add puts points at the end of the ring, without those that are in it already, and returns what must be in history before l may be
// saved: the ring that was, when it is full or of another day, and packs of points of other days. Nothing is returned twice: what
// goes to history leaves the ring.
func (l *Live) Add(points []Point) (history [][]Point) {
	have := make(map[PointName]bool, len(l.Ring))
	for _, p := range l.Ring {
		have[p.Name()] = true
	}
	base := *l
	base.Ring = nil
	room := MaxLive - itemSize(base.item()) - len("q") - 8 // 8: numbers may grow by a digit
	size := len(packPoints(l.Ring))
	other := map[string][]Point{}
	var days []string
	for _, p := range points {
		if have[p.Name()] {
			continue
		}
		have[p.Name()] = true
		if len(l.Ring) > 0 {
			first, day := dayOf(l.Ring[0].At), dayOf(p.At)
			if day < first { // backlog of an earlier day
				if other[day] == nil {
					days = append(days, day)
				}
				other[day] = append(other[day], p)
				continue
			}
			if day > first {
				history, l.Ring = append(history, l.Ring), nil
			}
		}
		ring := append(l.Ring[:len(l.Ring):len(l.Ring)], p)
		if size = len(packPoints(ring)); size > room && len(l.Ring) > 0 {
			history, ring = append(history, l.Ring), []Point{p}
		}
		l.Ring = ring
	}
	for _, d := range days {
		for pack := other[d]; len(pack) > 0; {
			n := min(len(pack), 60) // about one write unit
			history = append(history, pack[:n:n])
			pack = pack[n:]
		}
	}
	return history
}

func dayOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// GetLive reads the live item of an insole, strongly consistent. ErrNotFound when it was never heard.
func (s *Store) GetLive(ctx context.Context, o insole.OrgID, i insole.ID) (Live, error) {
	it, err := s.get(ctx, liveKey(o, i))
	if err != nil {
		return Live{}, err
	}
	return liveFrom(it)
}

// SaveLive writes l over the version before it (l.Version-1; 0: there is none yet). ErrConflict when somebody else wrote it first: read
// again, decide again.
func (s *Store) SaveLive(ctx context.Context, l Live) error {
	if l.Version <= 1 {
		return s.put(ctx, l.item(), ifAbsent)
	}
	return s.put(ctx, l.item(), ifVersion(l.Version-1))
}

// LiveItems reads the live items of every insole of an org, in no order. stale reads at half the price may miss the last second.
func (s *Store) LiveItems(ctx context.Context, o insole.OrgID, stale bool) ([]Live, error) {
	var out []Live
	for shard := range LiveShards {
		for it, err := range s.query(ctx, question{pk: livePK(o, shard), stale: stale}) {
			if err != nil {
				return nil, err
			}
			l, _ := liveFrom(it) // without the ring, when that cannot be read: everybody else is to be seen, and who it is and when they were heard is known
			out = append(out, l)
		}
	}
	return out, nil
}

// itemSize is the size of it as DynamoDB bills it: names and values in UTF-8; of a number about half a byte a digit and one more; one byte
// for BOOL and NULL. Source: AWS, "DynamoDB item sizes and formats".
func itemSize(it item) int {
	n := 0
	for name, v := range it {
		n += len(name)
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			n += len(v.Value)
		case *types.AttributeValueMemberN:
			n += numberSize(v.Value)
		case *types.AttributeValueMemberB:
			n += len(v.Value)
		case *types.AttributeValueMemberBOOL, *types.AttributeValueMemberNULL:
			n++
		case *types.AttributeValueMemberM:
			n += 3 + itemSize(v.Value)
		}
	}
	return n
}

func numberSize(s string) int {
	f, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return len(s)/2 + 2
	}
	n := 1
	if f < 0 {
		n++
		f = -f
	}
	for f != 0 && f%10 == 0 {
		f /= 10
	}
	return n + (len(strconv.FormatInt(f, 10))+1)/2
}
