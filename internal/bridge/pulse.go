package bridge

import (
	"context"
	"encoding/json"
	"time"

	"solewatch/internal/queue"
)

// pulse says every srv.PulseEvery, through the lane that positions take, that this bridge works: only so does the watchdog know a silent insole
// from a way that is broken. A word that the queue does not take is not said again, since the next one says the same.
func (srv *Server) pulse(ctx context.Context) {
	for {
		srv.say(ctx, false)
		if !pause(ctx, srv.PulseEvery) {
			return
		}
	}
}

func (srv *Server) say(ctx context.Context, bye bool) {
	body, err := json.Marshal(queue.Envelope{V: queue.EnvelopeVersion, Bridge: srv.Name, Frames: []queue.Frame{}, Pulse: srv.now().UnixMilli(), Bye: bye})
	if err == nil {
		call, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		err = srv.Track.Send(call, []string{string(body)})[0]
	}
	if err != nil && ctx.Err() == nil {
		srv.Log.WarnContext(ctx, "pulse not taken by the queue", "err", err)
	}
}
