package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"solewatch/internal/insole"
)

// How long what is known of our own parts is kept. A beat outlives its part by long enough to be missed.
const (
	beatKept = 7 * 24 * time.Hour
	turnKept = 7 * 24 * time.Hour
	runKept  = 48 * time.Hour
)

type beatItem struct {
	Part        string     `dynamodbav:"p"`
	Instance    string     `dynamodbav:"i,omitempty"`
	Version     string     `dynamodbav:"ver,omitempty"`
	At          int64      `dynamodbav:"at"`
	Since       int64      `dynamodbav:"si"`
	Connections int        `dynamodbav:"c,omitempty"`
	Audit       *auditItem `dynamodbav:"au,omitempty"`
	Run         *runItem   `dynamodbav:"rn,omitempty"`
	TTL         int64      `dynamodbav:"ttl"`
}

type auditItem struct {
	Open    int   `dynamodbav:"o"`
	Overdue int   `dynamodbav:"l"`
	Oldest  int64 `dynamodbav:"s,omitempty"`
	Without int   `dynamodbav:"w,omitempty"`
}

type runItem struct {
	At    int64  `dynamodbav:"at"`
	Acked int64  `dynamodbav:"a,omitempty"` // ms
	Paged int64  `dynamodbav:"p,omitempty"` // ms
	Why   string `dynamodbav:"wy,omitempty"`
	TTL   int64  `dynamodbav:"ttl,omitempty"`
}

type verdictItem struct {
	Part    string `dynamodbav:"p"`
	Health  string `dynamodbav:"h"`
	Since   int64  `dynamodbav:"si"`
	Why     string `dynamodbav:"wy,omitempty"`
	Version int    `dynamodbav:"v"`
}

type turnItem struct {
	Part string `dynamodbav:"p"`
	At   int64  `dynamodbav:"at"`
	From string `dynamodbav:"f"`
	To   string `dynamodbav:"h"`
	Why  string `dynamodbav:"wy,omitempty"`
	TTL  int64  `dynamodbav:"ttl"`
}

func runItemOf(r insole.Run) runItem {
	return runItem{At: ms(r.At), Acked: r.Acked.Milliseconds(), Paged: r.Paged.Milliseconds(), Why: r.Why}
}

func (r runItem) run() insole.Run {
	return insole.Run{At: timeOf(r.At), Acked: time.Duration(r.Acked) * time.Millisecond, Paged: time.Duration(r.Paged) * time.Millisecond, Why: r.Why}
}

// Parts is everything known of our own parts.
type Parts struct {
	Beats    []insole.Beat
	Verdicts map[string]insole.Verdict // by part
}

// PutBeat writes b over the one before it of the same part and instance. A repeat changes nothing.
func (s *Store) PutBeat(ctx context.Context, b insole.Beat) error {
	v := beatItem{Part: b.Part, Instance: b.Instance, Version: b.Version, At: ms(b.At), Since: ms(b.Since), Connections: b.Connections, TTL: b.At.Add(beatKept).Unix()}
	if a := b.Audit; a != nil {
		v.Audit = &auditItem{a.Open, a.Overdue, ms(a.Oldest), a.Without}
	}
	if b.Run != nil {
		r := runItemOf(*b.Run)
		v.Run = &r
	}
	it, err := marshal(beatKey(b.Part, b.Instance), "beat", v)
	if err != nil {
		return err
	}
	return s.put(ctx, it, cond{})
}

// DropBeat forgets an instance that ends as it should. One that is not there is no error.
func (s *Store) DropBeat(ctx context.Context, part, instance string) error {
	_, err := s.remove(ctx, beatKey(part, instance), cond{})
	return err
}

// BeatOf reads one beat, at half a read unit; it may be a second old. insole.ErrNotFound when there is none.
func (s *Store) BeatOf(ctx context.Context, part, instance string) (insole.Beat, error) {
	it, err := s.getStale(ctx, beatKey(part, instance))
	if err != nil {
		return insole.Beat{}, err
	}
	return beatFrom(it)
}

func beatFrom(it item) (insole.Beat, error) {
	var v beatItem
	if err := unmarshal(it, &v); err != nil {
		return insole.Beat{}, err
	}
	b := insole.Beat{Part: v.Part, Instance: v.Instance, Version: v.Version, At: timeOf(v.At), Since: timeOf(v.Since), Connections: v.Connections}
	if a := v.Audit; a != nil {
		b.Audit = &insole.Audit{Open: a.Open, Overdue: a.Overdue, Oldest: timeOf(a.Oldest), Without: a.Without}
	}
	if v.Run != nil {
		r := v.Run.run()
		b.Run = &r
	}
	return b, nil
}

// Parts reads every beat and verdict, strongly consistent: a few KiB.
func (s *Store) Parts(ctx context.Context) (Parts, error) {
	p := Parts{Verdicts: map[string]insole.Verdict{}}
	for it, err := range s.query(ctx, question{pk: partsPK}) {
		if err != nil {
			return p, err
		}
		switch strOf(it, "t") {
		case "beat":
			b, err := beatFrom(it)
			if err != nil {
				return p, err
			}
			p.Beats = append(p.Beats, b)
		case "verdict":
			var v verdictItem
			if err := unmarshal(it, &v); err != nil {
				return p, err
			}
			p.Verdicts[v.Part] = insole.Verdict{Part: v.Part, Health: insole.Health(v.Health), Since: timeOf(v.Since), Why: v.Why, Version: v.Version}
		}
	}
	return p, nil
}

// SaveVerdict writes v over the version before it (v.Version-1; 1 is the first), with the turn that it is, all or nothing. insole.ErrConflict
// when somebody else has judged meanwhile.
func (s *Store) SaveVerdict(ctx context.Context, v insole.Verdict, t insole.Turn) error {
	it, err := marshal(verdictKey(v.Part), "verdict", verdictItem{v.Part, string(v.Health), ms(v.Since), v.Why, v.Version})
	if err != nil {
		return err
	}
	c := ifAbsent
	if v.Version > 1 {
		c = ifVersion(int64(v.Version - 1))
	}
	turn, err := marshal(turnKey(t.At, t.Part), "turn", turnItem{t.Part, ms(t.At), string(t.From), string(t.To), t.Why, t.At.Add(turnKept).Unix()})
	if err != nil {
		return err
	}
	return s.transact(ctx, []types.TransactWriteItem{s.txPut(it, c), s.txPut(turn, cond{})}...)
}

// Turns reads how our parts' health changed since from, newest first, at most most of them.
func (s *Store) Turns(ctx context.Context, from time.Time, most int) ([]insole.Turn, error) {
	var all []insole.Turn
	for it, err := range s.query(ctx, question{pk: turnsPK, from: stamp(from), to: "~", stale: true, newest: true}) {
		if err != nil {
			return nil, err
		}
		var v turnItem
		if err := unmarshal(it, &v); err != nil {
			return nil, err
		}
		all = append(all, insole.Turn{Part: v.Part, At: timeOf(v.At), From: insole.Health(v.From), To: insole.Health(v.To), Why: v.Why})
		if len(all) == most {
			break
		}
	}
	return all, nil
}

// PutRun adds one call of the canary wearer. A repeat changes nothing.
func (s *Store) PutRun(ctx context.Context, r insole.Run) error {
	v := runItemOf(r)
	v.TTL = r.At.Add(runKept).Unix()
	it, err := marshal(runKey(r.At), "run", v)
	if err != nil {
		return err
	}
	return s.put(ctx, it, cond{})
}

// Runs reads the calls of the canary wearer since from, oldest first.
func (s *Store) Runs(ctx context.Context, from time.Time) ([]insole.Run, error) {
	var all []insole.Run
	for it, err := range s.query(ctx, question{pk: runsPK, from: stamp(from), to: "~", stale: true}) {
		if err != nil {
			return nil, err
		}
		var v runItem
		if err := unmarshal(it, &v); err != nil {
			return nil, err
		}
		all = append(all, v.run())
	}
	return all, nil
}

// ClaimCanary makes the canary wearer's insole, which nobody wears, with its team and whom that pages, unless it is there; it returns the one
// that is: of any number of callers the first one's key stays.
func (s *Store) ClaimCanary(ctx context.Context, a insole.Assignment, t insole.Team, c insole.Contact) (insole.Assignment, error) {
	have, err := s.Assignment(ctx, a.Org, a.Insole)
	if !errors.Is(err, insole.ErrNotFound) {
		return have, err
	}
	err = s.CreateOrg(ctx, insole.Org{ID: a.Org, Name: a.WorkerName, Locale: a.Locale})
	if err != nil && !errors.Is(err, insole.ErrConflict) {
		return a, err
	}
	_, revision, err := s.org(ctx, a.Org)
	if err != nil {
		return a, err
	}
	ref := InsoleRef{Org: a.Org, ID: a.Insole, Dialect: a.Dialect, Team: a.Team, MadeAt: s.now(), KeyAt: s.now()}
	err = s.Edit(ctx, a.Org, revision, PutContact(Kept[insole.Contact]{c, 1}), PutTeam(Kept[insole.Team]{t, 1}), PutInsole(Kept[InsoleRef]{ref, 1}, a))
	if err != nil && !errors.Is(err, insole.ErrConflict) {
		return a, err
	}
	return s.Assignment(ctx, a.Org, a.Insole)
}

// canary gives what the canary wearer's calls leave behind an end: there are hundreds a day, and nobody asks for them later. Its org itself stays.
func (s *Store) canary(it item) {
	if it["ttl"] == nil && strings.HasPrefix(strOf(it, "PK"), orgKey(insole.CanaryOrg).PK+"#") {
		it["ttl"] = num(s.now().Add(runKept).Unix())
	}
}
