package store

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"solewatch/internal/insole"
)

// A Point is one report as history keeps it: the place to 1e-6° (0.1 m), whole metres and decimetres per second, course to 1.4°,
// both times, what foot and battery were like then as far as was known. What it was decoded from is not kept.
type Point struct {
	Boot, Seq uint32 // permanent name of a native report
	Hash      uint32 // with At, of a report in a public dialect
	Kind      insole.Kind
	At        time.Time // when it happened, milliseconds
	HeardAt   time.Time // when it reached the bridge, to the second
	Fix       *insole.Fix
	Steps     uint32
	Posture   insole.Posture
	Battery   *insole.Battery // percent and charging only
}

// PointOf is r, which happened at at, as history keeps it.
func PointOf(r insole.Report, at time.Time) Point {
	p := Point{Boot: r.Boot, Seq: r.Seq, Kind: r.Kind, At: at, HeardAt: r.HeardAt, Fix: r.Fix, Steps: r.Steps, Posture: r.Posture, Battery: r.Battery}
	if r.Boot == 0 && r.Seq == 0 {
		sum := sha256.Sum256(r.Raw)
		p.Hash = binary.BigEndian.Uint32(sum[:]) | 1 // never 0
	}
	return p
}

// A PointName tells points of one insole apart: a report told twice has the same name.
type PointName struct {
	Boot, Seq, Hash uint32
	AtMs            int64 // 0 for native reports
}

// Name is p's.
func (p Point) Name() PointName {
	n := PointName{Boot: p.Boot, Seq: p.Seq, Hash: p.Hash}
	if p.Hash != 0 {
		n.AtMs = ms(p.At)
	}
	return n
}

// String is how a key spells n.
func (n PointName) String() string {
	if n.Hash != 0 {
		return fmt.Sprintf("t%d-%08x", n.AtMs, n.Hash)
	}
	return fmt.Sprintf("b%010d-%010d", n.Boot, n.Seq)
}

// A pack is points one after the other, each as its difference from the one before, about 11 bytes for a walker's plain fix:
//
//	01 · points
//
//	point    flags u8 · [flag 80: more u8]
//	         [unless flag 01: boot uvarint · sequence uvarint]      flag 01: same boot, sequence one higher
//	         time svarint, in seconds with flag 02, else in milliseconds
//	         [unless flag 04: lag svarint, seconds]                 heard minus happened, as a difference
//	         [flag 08: lat svarint · lon svarint (1e-6°) · altitude svarint (m) · accuracy uvarint (m) · speed uvarint (dm/s) · course u8 (360/256°)]
//	         [flag 10: steps svarint] · [flag 20: posture u8] · [flag 40: battery u8 (percent, 80 = charging)]
//	more     [01: hash u32] · [02: kind, length u8 and ASCII] · [04: fix minus report time, svarint ms] · [08: source u8]
//
// A missing field is that of the point before; so is a battery that was not said, but neither steps nor posture. The kind is fix or status, by whether there is a fix, unless it is named.
const packVersion = 1

const (
	pSeq = 1 << iota
	pSeconds
	pSameLag
	pFix
	pSteps
	pPosture
	pBattery
	pMore
)

const (
	mHash = 1 << iota
	mKind
	mFixAge
	mSource
)

var (
	packPostures = []insole.Posture{insole.PostureUnknown, insole.Standing, insole.Walking, insole.Running, insole.Sitting, insole.Lying}
	packSources  = []insole.Source{"", insole.SourceGPS, insole.SourceCell, insole.SourceWiFi, insole.SourceBeacon}
)

// cursor is the point before, in the pack's own units.
type cursor struct {
	boot, seq         uint32
	at, lag           int64
	lat, lon, alt     int64
	steps             int64
	posture, source   byte
	battery           byte
	hasBattery, begun bool
}

// appendPoint appends p to a pack that ends at c.
func appendPoint(dst []byte, c *cursor, p Point) []byte {
	var flags, more byte
	at, heard := ms(p.At), ms(p.HeardAt)
	lag := (heard - at) / 1000
	dt := at - c.at
	posture := byte(max(slices.Index(packPostures, p.Posture), 0))
	if p.Boot == c.boot && p.Seq == c.seq+1 && c.begun {
		flags |= pSeq
	}
	if dt%1000 == 0 {
		flags |= pSeconds
		dt /= 1000
	}
	if lag == c.lag {
		flags |= pSameLag
	}
	plain := insole.KindStatus
	if p.Fix != nil {
		flags |= pFix
		plain = insole.KindFix
		if ms(p.Fix.At) != at {
			more |= mFixAge
		}
		if byte(max(slices.Index(packSources, p.Fix.Source), 0)) != c.source {
			more |= mSource
		}
	}
	if int64(p.Steps) != c.steps {
		flags |= pSteps
	}
	if posture != c.posture {
		flags |= pPosture
	}
	var battery byte
	if p.Battery != nil {
		battery = byte(min(max(p.Battery.Percent, 0), 100))
		if p.Battery.Charging {
			battery |= 0x80
		}
		if !c.hasBattery || battery != c.battery {
			flags |= pBattery
		}
	}
	if p.Hash != 0 {
		more |= mHash
	}
	if p.Kind != plain {
		more |= mKind
	}
	if more != 0 {
		flags |= pMore
	}

	dst = append(dst, flags)
	if more != 0 {
		dst = append(dst, more)
	}
	if flags&pSeq == 0 {
		dst = binary.AppendUvarint(dst, uint64(p.Boot))
		dst = binary.AppendUvarint(dst, uint64(p.Seq))
	}
	dst = binary.AppendVarint(dst, dt)
	if flags&pSameLag == 0 {
		dst = binary.AppendVarint(dst, lag-c.lag)
	}
	if f := p.Fix; f != nil {
		lat, lon, alt := int64(math.Round(f.Lat*1e6)), int64(math.Round(f.Lon*1e6)), int64(math.Round(f.Altitude))
		dst = binary.AppendVarint(dst, lat-c.lat)
		dst = binary.AppendVarint(dst, lon-c.lon)
		dst = binary.AppendVarint(dst, alt-c.alt)
		dst = binary.AppendUvarint(dst, whole(f.Accuracy))
		dst = binary.AppendUvarint(dst, whole(f.Speed*10))
		dst = append(dst, byte(int64(math.Round(f.Course*256/360))&0xff))
		c.lat, c.lon, c.alt = lat, lon, alt
	}
	if flags&pSteps != 0 {
		dst = binary.AppendVarint(dst, int64(p.Steps)-c.steps)
		c.steps = int64(p.Steps)
	}
	if flags&pPosture != 0 {
		dst = append(dst, posture)
		c.posture = posture
	}
	if flags&pBattery != 0 {
		dst = append(dst, battery)
		c.battery, c.hasBattery = battery, true
	}
	if more&mHash != 0 {
		dst = binary.BigEndian.AppendUint32(dst, p.Hash)
	}
	if more&mKind != 0 {
		k := p.Kind[:min(len(p.Kind), 40)]
		dst = append(dst, byte(len(k)))
		dst = append(dst, k...)
	}
	if more&mFixAge != 0 {
		dst = binary.AppendVarint(dst, ms(p.Fix.At)-at)
	}
	if more&mSource != 0 {
		c.source = byte(max(slices.Index(packSources, p.Fix.Source), 0))
		dst = append(dst, c.source)
	}
	c.boot, c.seq, c.at, c.lag, c.begun = p.Boot, p.Seq, at, lag, true
	return dst
}

// whole rounds v, which is not negative, up: an accuracy is never made better than it was.
func whole(v float64) uint64 {
	if !(v > 0) { // also NaN
		return 0
	}
	return uint64(min(math.Ceil(v-1e-9), 1e6))
}

func packPoints(points []Point) []byte {
	dst := []byte{packVersion}
	var c cursor
	for _, p := range points {
		dst = appendPoint(dst, &c, p)
	}
	return dst
}

var errPack = fmt.Errorf("packed points: %w", insole.ErrInvalid)

// unpackPoints is the other half of packPoints. On an error it returns the points before it too.
func unpackPoints(b []byte) ([]Point, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if b[0] != packVersion {
		return nil, fmt.Errorf("version %d: %w", b[0], errPack)
	}
	r := packReader{b: b[1:]}
	var c cursor
	var out []Point
	for len(r.b) > 0 {
		p := r.point(&c)
		if r.err != nil {
			return out, r.err
		}
		out = append(out, p)
	}
	return out, nil
}

type packReader struct {
	b   []byte
	err error
}

func (r *packReader) fail() { r.b, r.err = nil, errors.Join(r.err, errPack) }

func (r *packReader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *packReader) take(n int) []byte {
	if len(r.b) < n {
		r.fail()
		return make([]byte, n)
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *packReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *packReader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *packReader) point(c *cursor) Point {
	var p Point
	var more byte
	flags := r.byte()
	if flags&pMore != 0 {
		more = r.byte()
	}
	if flags&pSeq != 0 {
		c.seq++
	} else {
		c.boot, c.seq = uint32(r.uvarint()), uint32(r.uvarint())
	}
	p.Boot, p.Seq = c.boot, c.seq
	dt := r.varint()
	if flags&pSeconds != 0 {
		dt *= 1000
	}
	c.at += dt
	p.At = time.UnixMilli(c.at).UTC()
	if flags&pSameLag == 0 {
		c.lag += r.varint()
	}
	p.HeardAt = time.UnixMilli(c.at + c.lag*1000).UTC()
	if flags&pFix != 0 {
		c.lat += r.varint()
		c.lon += r.varint()
		c.alt += r.varint()
		p.Fix = &insole.Fix{Lat: float64(c.lat) / 1e6, Lon: float64(c.lon) / 1e6, Altitude: float64(c.alt)}
		p.Fix.Accuracy, p.Fix.Speed = float64(r.uvarint()), float64(r.uvarint())/10
		p.Fix.Course, p.Fix.At = float64(r.byte())*360/256, p.At
		p.Kind = insole.KindFix
	} else {
		p.Kind = insole.KindStatus
	}
	if flags&pSteps != 0 {
		c.steps += r.varint()
	}
	p.Steps = uint32(c.steps)
	if flags&pPosture != 0 {
		c.posture = r.byte()
	}
	if int(c.posture) >= len(packPostures) {
		r.fail()
		return p
	}
	p.Posture = packPostures[c.posture]
	if flags&pBattery != 0 {
		c.battery, c.hasBattery = r.byte(), true
	}
	if c.hasBattery {
		p.Battery = &insole.Battery{Percent: int(c.battery & 0x7f), Charging: c.battery&0x80 != 0}
	}
	if more&mHash != 0 {
		p.Hash = binary.BigEndian.Uint32(r.take(4))
	}
	if more&mKind != 0 {
		p.Kind = insole.Kind(r.take(int(r.byte())))
	}
	if more&mFixAge != 0 {
		age := r.varint()
		if p.Fix != nil {
			p.Fix.At = p.At.Add(time.Duration(age) * time.Millisecond)
		}
	}
	if more&mSource != 0 {
		c.source = r.byte()
	}
	if int(c.source) >= len(packSources) {
		r.fail()
		return p
	}
	if p.Fix != nil {
		p.Fix.Source = packSources[c.source]
	}
	return p
}
