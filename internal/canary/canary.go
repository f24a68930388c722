// Package canary is the canary wearer: a synthetic insole that calls for help through the same port, in the same language and with the same proof as
// any other, and measures how long it takes until its page is with SNS. Its org is its own (insole.CanaryOrg), its team pages one contact
// by e-mail, and nobody subscribes to that team's topic: SNS takes the page and delivers it to nobody.
package canary

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	smithytime "github.com/aws/smithy-go/time"

	"solewatch/internal/insole"
	"solewatch/internal/store"
	"solewatch/internal/wire/sole"
)

// A Store is what the canary asks of the table. *store.Store is one.
type Store interface {
	ClaimCanary(context.Context, insole.Assignment, insole.Team, insole.Contact) (insole.Assignment, error)
	OpenAlarm(context.Context, insole.OrgID, insole.WorkerID, insole.AlarmKind) (insole.AlarmID, error)
	GetAlarmFile(context.Context, insole.OrgID, insole.AlarmID) (store.AlarmFile, error)
	PutRun(context.Context, insole.Run) error
	PutBeat(context.Context, insole.Beat) error
}

// A Desk ends the canary's alarms. *alarm.Desk is one.
type Desk interface {
	Resolve(ctx context.Context, org insole.OrgID, id insole.AlarmID, user insole.User, reason insole.Reason, note string) (insole.Alarm, error)
}

// A Wearer calls for help. All fields are required.
type Wearer struct {
	Store   Store
	Desk    Desk
	Dial    func(context.Context) (net.Conn, error) // the address that insoles call
	Limit   time.Duration                           // for a whole call; a page that is not with SNS by then is none
	Look    time.Duration                           // between two looks whether the page is with SNS
	Version string
	Metric  func(insole.Run) // tells who counts
	Now     func() time.Time
	Log     *slog.Logger

	key []byte
}

// What went wrong, as insole.Run.Why has it.
var (
	errSetup   = errors.New("setup")
	errDial    = errors.New("dial")
	errSession = errors.New("session")
	errAck     = errors.New("ack")
	errPage    = errors.New("page")
	errResolve = errors.New("resolve")
)

// worker is under whose name the canary's alarms are: nobody wears its insole.
const worker = insole.WorkerID(insole.CanaryInsole)

var user = insole.User{Org: insole.CanaryOrg, ID: "canary", Name: "Canary", Role: insole.Supervisor, Locale: "en"}

// Call calls for help once, waits until the page is with SNS, ends the alarm, and stores what it has measured, also when it failed: then the error
// says why. An alarm that an earlier call has left open is ended first.
func (w *Wearer) Call(ctx context.Context) (insole.Run, error) {
	began := w.Now().UTC()
	run := insole.Run{At: began}
	inner, cancel := context.WithTimeout(ctx, w.Limit)
	err := w.call(inner, &run)
	cancel()
	for _, why := range []error{errSetup, errDial, errSession, errAck, errPage, errResolve} {
		if errors.Is(err, why) {
			run.Why = why.Error()
		}
	}
	w.Metric(run)
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return run, errors.Join(err, w.Store.PutRun(ctx, run),
		w.Store.PutBeat(ctx, insole.Beat{Part: "canary", Version: w.Version, At: w.Now().UTC(), Since: began, Run: &run}))
}

func (w *Wearer) call(ctx context.Context, run *insole.Run) error {
	if err := w.setUp(ctx); err != nil {
		return fmt.Errorf("%w: %w", errSetup, err)
	}
	if err := w.end(ctx); err != nil {
		return fmt.Errorf("%w: %w", errResolve, err)
	}
	conn, sess, err := w.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	sent, err := w.press(conn, sess)
	run.At = sent
	if err != nil {
		return err
	}
	run.Acked = w.Now().Sub(sent)
	accepted, err := w.paged(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errPage, err)
	}
	run.Paged = max(accepted.Sub(sent), time.Millisecond) // the clocks of two machines may differ by more than a page takes
	if err := w.end(ctx); err != nil {
		return fmt.Errorf("%w: %w", errResolve, err)
	}
	return nil
}

// setUp makes the canary's insole and whom it pages unless it is there, and learns its key.
func (w *Wearer) setUp(ctx context.Context) error {
	if w.key != nil {
		return nil
	}
	fresh := make([]byte, 32)
	if _, err := rand.Read(fresh); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	const nobody insole.ContactID = "nobody"
	a, err := w.Store.ClaimCanary(ctx,
		insole.Assignment{Insole: insole.CanaryInsole, Dialect: insole.SOLE, Org: insole.CanaryOrg, Team: insole.CanaryTeam, WorkerName: "Canary", Locale: "en", Key: fresh},
		insole.Team{Org: insole.CanaryOrg, ID: insole.CanaryTeam, Name: "Canary", Steps: []insole.Step{{Contacts: []insole.ContactID{nobody}, Channels: []insole.Channel{insole.Email}}}},
		insole.Contact{Org: insole.CanaryOrg, ID: nobody, Name: "Nobody", Email: "nobody@solewatch.invalid", Locale: "en"})
	if err != nil {
		return err
	}
	w.key = a.Key
	return nil
}

// end resolves the canary's open alarm, if there is one.
func (w *Wearer) end(ctx context.Context) error {
	id, err := w.Store.OpenAlarm(ctx, insole.CanaryOrg, worker, insole.AlarmSOS)
	if errors.Is(err, insole.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = w.Desk.Resolve(ctx, insole.CanaryOrg, id, user, insole.ReasonTest, "")
	return err
}

// connect opens a session. An insole tries again when it is told to, and so does this one, every two seconds while its time lasts.
func (w *Wearer) connect(ctx context.Context) (net.Conn, *session, error) {
	for {
		conn, err := w.Dial(ctx)
		if err != nil {
			err = fmt.Errorf("%w: %w", errDial, err)
		} else {
			var s *session
			s, err = open(ctx, conn, w.key, uint32(w.Now().Unix()))
			if err == nil {
				return conn, s, nil
			}
			conn.Close()
			err = fmt.Errorf("%w: %w", errSession, err)
		}
		if smithytime.SleepWithContext(ctx, 2*time.Second) != nil {
			return nil, nil, err
		}
	}
}

// press sends one SOS and waits for its acknowledgement. sent is when it went.
func (w *Wearer) press(conn net.Conn, s *session) (sent time.Time, err error) {
	sent = w.Now().UTC()
	seq := uint32(sent.UnixMilli()%1000) + 1 // two calls in one second have the same boot, and must not be one report
	frame, err := s.keys.AppendData(nil, sole.Data{Number: 1, Boot: s.boot, Records: []sole.Record{{Boot: s.boot, Seq: seq, At: sent.Truncate(time.Millisecond), Kind: insole.KindSOS}}})
	if err == nil {
		_, err = conn.Write(frame)
	}
	for err == nil {
		var f sole.Frame
		f, err = s.next()
		if err != nil {
			break
		}
		if err = s.keys.Open(f); err != nil {
			break
		}
		if f.Type == sole.TypeAck {
			return sent, nil
		}
		if f.Type == sole.TypeNack || f.Type == sole.TypeBye {
			err = fmt.Errorf("%s instead of an acknowledgement", f.Type)
		}
	}
	return sent, fmt.Errorf("%w: %w", errAck, err)
}

// paged waits until SNS has accepted the page of the canary's open alarm, and says when it had.
func (w *Wearer) paged(ctx context.Context) (time.Time, error) {
	last := errors.New("no alarm")
	for {
		id, err := w.Store.OpenAlarm(ctx, insole.CanaryOrg, worker, insole.AlarmSOS)
		var f store.AlarmFile
		if err == nil {
			f, err = w.Store.GetAlarmFile(ctx, insole.CanaryOrg, id)
		}
		switch {
		case err == nil:
			last = errors.New("not accepted")
		case ctx.Err() == nil:
			last = err
		}
		for _, p := range f.Pages {
			if p.State == insole.PageAccepted {
				return p.DoneAt, nil
			}
			if p.State == insole.PageFailed {
				return time.Time{}, fmt.Errorf("page failed: %s", p.Why)
			}
		}
		if smithytime.SleepWithContext(ctx, w.Look) != nil {
			return time.Time{}, last
		}
	}
}

// A session is one proven connection.
type session struct {
	keys sole.Session
	in   *bufio.Reader
	boot uint32
}

// open proves who the insole is, and that the server is ours.
func open(ctx context.Context, c net.Conn, key []byte, boot uint32) (*session, error) {
	if d, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(d); err != nil {
			return nil, fmt.Errorf("deadline: %w", err)
		}
	}
	id, err := sole.ParseID(insole.CanaryInsole)
	if err != nil {
		return nil, err
	}
	h := sole.Hello{ID: id, Boot: boot}
	if _, err := rand.Read(h.Nonce[:]); err != nil {
		return nil, fmt.Errorf("nonce: %w", err)
	}
	if _, err := c.Write(sole.AppendHello(nil, h)); err != nil {
		return nil, fmt.Errorf("hello: %w", err)
	}
	s := &session{in: bufio.NewReaderSize(c, sole.MaxFrame), boot: boot}
	f, err := s.next()
	if err != nil {
		return nil, err
	}
	if f.Type != sole.TypeChallenge {
		return nil, fmt.Errorf("%s instead of a challenge", f.Type)
	}
	challenge, err := sole.ParseChallenge(f.Body)
	if err != nil {
		return nil, err
	}
	if s.keys, err = sole.NewSession(sole.Insole, key, h, challenge); err != nil {
		return nil, err
	}
	if _, err := c.Write(s.keys.AppendAuth(nil)); err != nil {
		return nil, fmt.Errorf("proof: %w", err)
	}
	if f, err = s.next(); err != nil {
		return nil, err
	}
	if f.Type == sole.TypeReject {
		return nil, errors.New("rejected")
	}
	if err := s.keys.Open(f); err != nil {
		return nil, err // not our server
	}
	if f.Type != sole.TypeWelcome {
		return nil, fmt.Errorf("%s instead of a welcome", f.Type)
	}
	return s, nil
}

// next reads one frame, good until the next call.
func (s *session) next() (sole.Frame, error) {
	for need := 1; ; {
		b, err := s.in.Peek(need)
		if err != nil {
			return sole.Frame{}, fmt.Errorf("reading: %w", err)
		}
		b, _ = s.in.Peek(s.in.Buffered())
		f, size, err := sole.Split(b)
		if errors.Is(err, sole.ErrShort) {
			need = max(size, len(b)+1)
			continue
		}
		if err == nil {
			_, _ = s.in.Discard(size) // what was peeked can be discarded
		}
		return f, err
	}
}
