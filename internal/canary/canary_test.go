package canary_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"solewatch/internal/canary"
	"solewatch/internal/insole"
	"solewatch/internal/store"
	"solewatch/internal/wire/sole"
)

// world is the table and the server by hand: its bridge speaks SOLE/1 and stores the alarm, whose page is accepted after delay.
type world struct {
	t       *testing.T
	key     []byte
	away    error         // of the table
	delay   time.Duration // until the page is accepted; negative: never
	page    insole.PageState
	open    bool
	raised  time.Time
	endings int
	runs    []insole.Run
	beats   []insole.Beat
}

func (w *world) ClaimCanary(_ context.Context, a insole.Assignment, t insole.Team, c insole.Contact) (insole.Assignment, error) {
	if len(t.Steps) != 1 || c.Phone != "" || a.Org != insole.CanaryOrg {
		w.t.Errorf("set up: %+v, %+v", t, c)
	}
	w.key = a.Key
	return a, w.away
}

func (w *world) OpenAlarm(context.Context, insole.OrgID, insole.WorkerID, insole.AlarmKind) (insole.AlarmID, error) {
	if !w.open {
		return "", insole.ErrNotFound
	}
	return "a", nil
}

func (w *world) GetAlarmFile(context.Context, insole.OrgID, insole.AlarmID) (store.AlarmFile, error) {
	p := insole.Page{State: insole.PageQueued}
	if at := w.raised.Add(w.delay); w.delay >= 0 && !time.Now().Before(at) {
		p.State, p.DoneAt, p.Why = w.page, at, "refused"
	}
	return store.AlarmFile{Pages: []insole.Page{p}}, nil
}

func (w *world) PutRun(_ context.Context, r insole.Run) error {
	w.runs = append(w.runs, r)
	return w.away
}

func (w *world) PutBeat(_ context.Context, b insole.Beat) error {
	w.beats = append(w.beats, b)
	return w.away
}

func (w *world) Resolve(_ context.Context, _ insole.OrgID, _ insole.AlarmID, _ insole.User, r insole.Reason, _ string) (insole.Alarm, error) {
	if r != insole.ReasonTest {
		w.t.Errorf("resolved as %s", r)
	}
	w.open = false
	w.endings++
	return insole.Alarm{}, nil
}

// serve is the bridge: it acknowledges one frame, unless mute.
func (w *world) serve(c net.Conn, mute bool) {
	defer c.Close()
	var buf []byte
	next := func() (sole.Frame, error) {
		for {
			f, size, err := sole.Split(buf)
			if err == nil {
				buf = buf[size:]
				return f, nil
			}
			b := make([]byte, 1024)
			n, rerr := c.Read(b)
			if rerr != nil {
				return f, rerr
			}
			buf = append(buf, b[:n]...)
		}
	}
	f, err := next()
	if err != nil {
		return
	}
	hello, err := sole.ParseHello(f.Body)
	if err != nil {
		w.t.Error(err)
		return
	}
	challenge := sole.Challenge{}
	if _, err := c.Write(sole.AppendChallenge(nil, challenge)); err != nil {
		return
	}
	sess, err := sole.NewSession(sole.Server, w.key, hello, challenge)
	if err != nil {
		w.t.Error(err)
		return
	}
	for {
		f, err := next()
		if err != nil {
			return
		}
		if err := sess.Open(f); err != nil {
			w.t.Errorf("the canary's frame: %v", err)
			return
		}
		var out []byte
		switch f.Type {
		case sole.TypeAuth:
			out = sess.AppendWelcome(nil, time.Now())
		case sole.TypeData:
			reports, err := sole.Reports(insole.CanaryInsole, f.Body, time.Now())
			if err != nil || len(reports) != 1 || reports[0].Kind != insole.KindSOS || reports[0].Seq == 0 || reports[0].Boot == 0 {
				w.t.Errorf("frame %+v, %v, want one SOS", reports, err)
			}
			if mute {
				continue
			}
			w.open, w.raised = true, time.Now()
			out = sess.AppendAck(nil, 1)
		}
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}

func TestCall(t *testing.T) {
	for _, tt := range []struct {
		name  string
		with  func(*world)
		dials int // that fail before one succeeds; -1: all
		mute  bool
		why   string
		paged time.Duration
	}{
		{"all is well", func(w *world) { w.delay = 1500 * time.Millisecond }, 0, false, "", 1500 * time.Millisecond},
		{"slow, and paged all the same", func(w *world) { w.delay = 62 * time.Second }, 0, false, "", 62 * time.Second},
		{"an alarm was left open", func(w *world) { w.open = true }, 0, false, "", time.Millisecond},
		{"the bridge restarts", func(w *world) { w.delay = time.Second }, 3, false, "", time.Second},
		{"no bridge", func(*world) {}, -1, false, "dial", 0},
		{"never acknowledged", func(*world) {}, 0, true, "ack", 0},
		{"never paged", func(w *world) { w.delay = -1 }, 0, false, "page", 0},
		{"page refused", func(w *world) { w.page = insole.PageFailed }, 0, false, "page", 0},
		{"the table away", func(w *world) { w.away = insole.ErrAway }, 0, false, "setup", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{t: t, page: insole.PageAccepted}
				tt.with(w)
				dials := 0
				var counted []insole.Run
				wearer := &canary.Wearer{
					Store: w, Desk: w, Limit: 75 * time.Second, Look: 100 * time.Millisecond, Version: "v1",
					Dial: func(context.Context) (net.Conn, error) {
						if dials++; tt.dials < 0 || dials <= tt.dials {
							return nil, errors.New("refused")
						}
						near, far := net.Pipe()
						go w.serve(far, tt.mute)
						return near, nil
					},
					Metric: func(r insole.Run) { counted = append(counted, r) }, Now: time.Now, Log: slog.New(slog.DiscardHandler),
				}
				began := time.Now()
				run, err := wearer.Call(t.Context())
				if run.Why != tt.why || (err == nil) != (tt.why == "") || run.Paged < tt.paged || run.Paged > tt.paged+100*time.Millisecond {
					t.Errorf("Call = %+v, %v, want %q after %v", run, err, tt.why, tt.paged)
				}
				if took := time.Since(began); took > 80*time.Second {
					t.Errorf("it took %v", took)
				}
				if len(w.runs) != 1 || len(w.beats) != 1 || len(counted) != 1 || w.beats[0].Run == nil || *w.beats[0].Run != run || counted[0] != run {
					t.Errorf("left behind: runs %v, beats %v, metrics %v", w.runs, w.beats, counted)
				}
				if w.open && tt.why == "" {
					t.Error("its alarm is still open")
				}
			})
		})
	}
}
