package push

import (
	"github.com/aws/aws-lambda-go/events"

	"solewatch/internal/feed"
	"solewatch/internal/store"
)

// decode reads one record; ok is false for those that are nobody's news.
func decode(r events.DynamoDBEventRecord) (n news, ok bool, err error) {
	image := store.Image(r.Change.NewImage)
	switch image.Kind() {
	case "live":
		l, err := image.Live()
		if err != nil {
			return news{}, false, err
		}
		f := feed.LiveOf(l)
		return news{org: l.Org, item: "live " + string(l.Insole), change: feed.Change{Kind: feed.KindLive, Live: &f}}, true, nil
	case "alarm":
		a, err := image.Alarm()
		if err != nil {
			return news{}, false, err
		}
		f := feed.AlarmOf(a)
		return news{org: a.Org, item: "alarm " + f.ID, change: feed.Change{Kind: feed.KindAlarm, Alarm: &f}}, true, nil
	case "checkin":
		c, err := image.CheckIns()
		if err != nil {
			return news{}, false, err
		}
		f := feed.CheckInOf(c)
		return news{org: c.Org, item: "checkin " + f.Worker, change: feed.Change{Kind: feed.KindCheckIn, CheckIn: &f}}, true, nil
	case "muster":
		m, err := image.Muster()
		if err != nil {
			return news{}, false, err
		}
		f := feed.MusterOf(m)
		return news{org: m.Org, item: "muster " + f.ID, change: feed.Change{Kind: feed.KindMuster, Muster: &f}}, true, nil
	case "summons":
		s, err := image.Summons()
		if err != nil {
			return news{}, false, err
		}
		if s.Version <= 1 {
			return news{}, false, nil // just called, as is told of the whole muster
		}
		f := feed.SummonsOf(s)
		return news{org: s.Org, item: "summons " + f.Muster + " " + f.Worker, change: feed.Change{Kind: feed.KindSummons, Summons: &f}}, true, nil
	}
	return news{}, false, nil
}
