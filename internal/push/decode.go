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
	}
	return news{}, false, nil
}
