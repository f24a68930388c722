package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"solewatch/internal/host/schedule"
	"solewatch/internal/host/source"
	"solewatch/internal/host/template"
)

// ErrNoSchedule is returned by FireSchedule for a name that the template does not have.
var ErrNoSchedule = errors.New("host: no such schedule")

// schedules starts the clocks of the template's schedules.
func (s *System) schedules(ctx context.Context) {
	for _, sc := range s.Template.Schedules {
		e, err := schedule.Parse(sc.Expression)
		if err != nil || !sc.Enabled { // the template has been checked
			continue
		}
		s.sources.Go(func() {
			start := time.Now()
			for {
				next := e.Next(time.Now(), start, sc.Zone)
				if next.IsZero() {
					return
				}
				t := time.NewTimer(time.Until(next))
				select {
				case <-t.C:
					s.fire(ctx, sc, next)
				case <-ctx.Done():
					t.Stop()
					return
				}
			}
		})
	}
}

// fire invokes a schedule's function asynchronously.
func (s *System) fire(ctx context.Context, sc *template.Schedule, at time.Time) {
	f := s.Template.Function(sc.Function)
	payload := []byte(sc.Input)
	if sc.Input == "" {
		payload = scheduledEvent(sc, at)
	}
	s.async.Start(ctx, source.Event{
		Function: f.ID, ARN: f.ARN, Payload: payload, Retries: sc.Async.Retries, MaxAge: sc.Async.MaxAge,
		DeadARN: sc.Async.DeadARN, OnFailure: sc.Async.OnFailure, OnSuccess: sc.Async.OnSuccess,
	})
}

// scheduledEvent is what EventBridge writes when the template gives no Input. A scheduler's detail is a text.
func scheduledEvent(sc *template.Schedule, at time.Time) []byte {
	e := map[string]any{
		"version": "0", "id": fmt.Sprintf("%08x-0000-4000-8000-%012x", at.Unix(), at.UnixNano()%(1<<48)), "detail-type": "Scheduled Event",
		"source": "aws.scheduler", "account": account, "time": at.UTC().Format(time.RFC3339), "region": region,
		"resources": []string{sc.ARN}, "detail": "{}",
	}
	if sc.Rule {
		e["source"], e["detail"] = "aws.events", map[string]any{}
	}
	b, err := json.Marshal(e)
	if err != nil {
		return []byte("{}") // texts always marshal
	}
	return b
}

// FireSchedule lets a schedule be due now, whatever its expression says. name is the logical id of its function
// and event ("WatchdogFunctionEveryMinute") or the name the template gives it.
func (s *System) FireSchedule(name string) error {
	for _, sc := range s.Template.Schedules {
		if sc.Name == name {
			s.fire(s.running, sc, time.Now())
			return nil
		}
	}
	return fmt.Errorf("firing %q: %w", name, ErrNoSchedule)
}

// servicesHandler serves the stand-in, and POST /_host/schedules/{name}/fire.
func (s *System) servicesHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /_host/schedules/{name}/fire", func(w http.ResponseWriter, r *http.Request) {
		if err := s.FireSchedule(r.PathValue("name")); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	})
	mux.Handle("/", s.access(s.Standin))
	return mux
}
