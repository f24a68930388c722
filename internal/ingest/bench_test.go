package ingest_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"solewatch/internal/alarm"
	"solewatch/internal/ingest"
	"solewatch/internal/insole"
	"solewatch/internal/notify"
	"solewatch/internal/queue"
	"solewatch/internal/standin"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/store"
	"solewatch/internal/wire/sole"
)

// BenchmarkDay takes one day of walking through ingest against the stand-in: 8 h with a report every 10 s, 16 h with one every 300 s, a
// frame a report, held by the bridge for 30 s and packed with those of other insoles, ten messages a batch. It reports the write units that
// DynamoDB would have billed for 1,000 reports; the goal is 400. Run it with -benchtime=1x.
func BenchmarkDay(b *testing.B) {
	for _, insoles := range []int{1, 10} {
		b.Run(fmt.Sprintf("insoles=%d", insoles), func(b *testing.B) {
			for range b.N { // not b.Loop: the timer is stopped while a world is made
				day(b, insoles)
			}
		})
	}
}

func day(b *testing.B, insoles int) {
	b.StopTimer()
	clk := &clock{t: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)}
	srv, cfg := standintest.Open(b, clk.Now)
	if err := srv.EnsureQueue(standin.Queue{Name: "steps"}); err != nil {
		b.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	st := store.New(cfg, standintest.Table, store.Steady)
	st.Now = clk.Now
	pub := notify.NewPublisher(cfg, prefix, public, time.Second)
	h := &ingest.Handler{Store: st, Pager: pub, Retention: 720 * time.Hour, Now: clk.Now, Log: log, Alarms: &alarm.Raiser{
		Store: st, Teams: &alarm.Cached{Of: st, Now: clk.Now}, Topics: pub.Topic, Now: clk.Now, Log: log,
		Steps: &queue.Steps{Client: sqs.NewFromConfig(cfg), URL: srv.QueueURL("steps")},
	}}
	// A site that all of them walk in, beside a danger that they do not enter.
	if err := st.CreateOrg(b.Context(), insole.Org{ID: "acme", Name: "Acme", Locale: "fr"}); err != nil {
		b.Fatal(err)
	}
	if err := st.Edit(b.Context(), "acme", 0,
		store.PutZone(store.Kept[insole.Zone]{Value: insole.Zone{Org: "acme", ID: "site", Ring: [][2]float64{{6, 43}, {8, 43}, {8, 44}, {6, 44}, {6, 43}}}}),
		store.PutZone(store.Kept[insole.Zone]{Value: insole.Zone{Org: "acme", ID: "pit", Danger: true, Ring: [][2]float64{{8, 43}, {9, 43}, {9, 44}, {8, 44}, {8, 43}}}})); err != nil {
		b.Fatal(err)
	}
	fleet := make([]*walker, insoles)
	for i := range fleet {
		fleet[i] = newWalker(i)
	}
	start, usage := clk.Now(), srv.Usage().DynamoDB[standintest.Table]
	reports, batches := 0, 0
	b.StartTimer()
	for clk.Now().Before(start.Add(24 * time.Hour)) {
		clk.Advance(30 * time.Second) // one linger of the bridge
		now := clk.Now()
		var ev events.SQSEvent
		for first := 0; first < insoles; first += 10 { // as many frames as fit a message; ten insoles here
			e := queue.Envelope{V: 1, Bridge: "b-1"}
			for _, w := range fleet[first:min(first+10, insoles)] {
				frames := w.until(b, start, now)
				reports += len(frames)
				e.Frames = append(e.Frames, frames...)
			}
			if len(e.Frames) == 0 {
				continue
			}
			body, err := json.Marshal(e)
			if err != nil {
				b.Fatal(err)
			}
			ev.Records = append(ev.Records, events.SQSMessage{MessageId: strconv.Itoa(first), Body: string(body)})
		}
		if len(ev.Records) == 0 {
			continue
		}
		batches++
		resp, err := h.HandleSQS(b.Context(), ev)
		if err != nil || len(resp.BatchItemFailures) > 0 {
			b.Fatalf("batch: %v, failed %v", err, resp.BatchItemFailures)
		}
	}
	b.StopTimer()
	got := srv.Usage().DynamoDB[standintest.Table]
	writes, reads := got.WriteUnits-usage.WriteUnits, got.ReadUnits-usage.ReadUnits
	for _, n := range got.IndexWrite {
		writes += n
	}
	per := func(n float64) float64 { return n / float64(reports) * 1000 }
	b.ReportMetric(per(writes), "WU/1000reports")
	b.ReportMetric(per(reads), "RU/1000reports")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(reports), "µs/report")
	b.ReportMetric(float64(reports), "reports")
	if per(writes) > 400 {
		b.Errorf("%.0f write units for 1,000 reports, more than the goal of 400", per(writes))
	}
}

// A walker is an insole that walks for 8 h and lies in a cupboard for 16.
type walker struct {
	id       insole.ID
	rnd      *rand.Rand
	seq      uint32
	next     time.Duration // since the day began
	lat, lon float64
	course   float64
	steps    uint32
	battery  float64
}

func newWalker(i int) *walker {
	r := rand.New(rand.NewPCG(1, uint64(i)))
	return &walker{id: insole.ID(fmt.Sprintf("%016x", i+1)), rnd: r, lat: 43.6 + r.Float64()/50, lon: 7.05 + r.Float64()/50, battery: 100,
		next: time.Duration(r.IntN(10_000)) * time.Millisecond}
}

// until is every frame that w sends until now.
func (w *walker) until(b *testing.B, start, now time.Time) []queue.Frame {
	var out []queue.Frame
	for start.Add(w.next).Before(now) {
		at := start.Add(w.next)
		every := 300 * time.Second
		walking := w.next >= 8*time.Hour && w.next < 16*time.Hour
		if walking {
			every = 10 * time.Second
			w.course = math.Mod(w.course+w.rnd.NormFloat64()*20+360, 360)
			w.lat += 14 * math.Cos(w.course*math.Pi/180) / 111_320
			w.lon += 14 * math.Sin(w.course*math.Pi/180) / 80_600
			w.steps += uint32(15 + w.rnd.IntN(10))
		}
		w.battery -= 0.01
		w.next += every + time.Duration(w.rnd.IntN(200)-100)*time.Millisecond
		w.seq++
		r := sole.Record{Kind: insole.KindFix, Boot: 7, Seq: w.seq, At: at.Truncate(time.Second), Steps: w.steps, Expect: every, Posture: insole.Sitting,
			Battery: &insole.Battery{Percent: int(w.battery), Millivolts: 3600 + int(w.battery*5)},
			Fix: &insole.Fix{Lat: w.lat, Lon: w.lon, Altitude: 120 + w.rnd.NormFloat64()*3, Accuracy: 3 + w.rnd.Float64()*5,
				Satellites: 7 + w.rnd.IntN(6), Source: insole.SourceGPS, At: at.Truncate(time.Second)}}
		if walking {
			r.Posture, r.Fix.Speed, r.Fix.Course = insole.Walking, 1.2+w.rnd.Float64()/2, w.course
		}
		body, err := sole.AppendBody(nil, sole.Data{Number: uint16(w.seq), Boot: 7, Records: []sole.Record{r}})
		if err != nil {
			b.Fatal(err)
		}
		out = append(out, queue.Frame{Insole: w.id, Dialect: insole.SOLE, Org: "acme", Team: "north", Worker: insole.WorkerID("worker-" + string(w.id[10:])),
			HeardAtMs: at.Add(80 * time.Millisecond).UnixMilli(), Raw: body})
	}
	return out
}
