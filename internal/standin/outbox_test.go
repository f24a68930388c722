package standin_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"solewatch/internal/standin"
)

func notices(t *testing.T, w *world) []standin.Notice {
	t.Helper()
	list, err := w.s.Outbox().List(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (w *world) subscribe(t *testing.T, protocol, endpoint, policy string) string {
	t.Helper()
	in := &sns.SubscribeInput{TopicArn: w.topic(), Protocol: &protocol, Endpoint: &endpoint, ReturnSubscriptionArn: true}
	if policy != "" {
		in.Attributes = map[string]string{"FilterPolicy": policy}
	}
	out, err := w.sns.Subscribe(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.SubscriptionArn
}

func (w *world) publish(t *testing.T, text string, attrs map[string]types.MessageAttributeValue) string {
	t.Helper()
	out, err := w.sns.Publish(t.Context(), &sns.PublishInput{TopicArn: w.topic(), Message: &text, Subject: aws.String("SOS of Ana"), MessageAttributes: attrs})
	if err != nil {
		t.Fatal(err)
	}
	return *out.MessageId
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(body)
}

func TestEmailIsSentOnlyAfterItsReaderConfirmed(t *testing.T) {
	w := newWorld(t, nil)
	arn := w.subscribe(t, "email", "ana@example.org", "")
	w.publish(t, "first", nil)
	list := notices(t, w)
	if len(list) != 1 || list[0].Kind != "confirm" || list[0].To != "ana@example.org" || !strings.Contains(list[0].Text, list[0].Link) {
		t.Fatalf("notices = %+v, want the confirmation only", list)
	}
	if code, _ := get(t, w.srv.URL+"/_standin/confirm?token=wrong"); code != http.StatusBadRequest {
		t.Errorf("wrong token: status %d", code)
	}
	if code, body := get(t, list[0].Link); code != http.StatusOK || !strings.Contains(body, arn) {
		t.Errorf("confirming: %d %q", code, body)
	}
	if code, _ := get(t, list[0].Link); code != http.StatusBadRequest {
		t.Errorf("confirming again: status %d", code)
	}
	id := w.publish(t, "help <b>", nil)
	list = notices(t, w)
	mail := list[len(list)-1]
	if len(list) != 2 || mail.Kind != "email" || mail.Subject != "SOS of Ana" || mail.MessageID != id || !strings.HasPrefix(mail.Text, "help <b>\n") {
		t.Fatalf("notices = %+v", list)
	}
	if code, _ := get(t, mail.Link); code != http.StatusOK {
		t.Errorf("unsubscribing: status %d", code)
	}
	w.publish(t, "third", nil)
	if len(notices(t, w)) != 2 {
		t.Error("mail after unsubscribing")
	}
}

func TestPendingSubscriptionEndsAfterTwoDays(t *testing.T) {
	c := newClock()
	w := newWorld(t, func(o *standin.Options) { o.Now = c.now })
	w.subscribe(t, "email", "ana@example.org", "")
	c.pass(48 * time.Hour)
	if code, _ := get(t, notices(t, w)[0].Link); code != http.StatusBadRequest {
		t.Errorf("late confirmation: status %d", code)
	}
	sweep(t, w)
	out, err := w.sns.ListSubscriptionsByTopic(t.Context(), &sns.ListSubscriptionsByTopicInput{TopicArn: w.topic()})
	if err != nil || len(out.Subscriptions) != 0 {
		t.Errorf("subscriptions = %+v, %v", out.Subscriptions, err)
	}
}

func TestFilterPolicyChoosesReaders(t *testing.T) {
	w := newWorld(t, nil)
	w.subscribe(t, "sms", "+33600000001", `{"contact":["c1"]}`)
	w.subscribe(t, "sms", "+33600000002", `{"contact":["c2"],"kind":["sos","fall"]}`)
	w.subscribe(t, "sms", "+33600000003", "")
	s := func(typ, v string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: &typ, StringValue: &v}
	}
	for _, c := range []struct {
		attrs map[string]types.MessageAttributeValue
		want  string
	}{
		{nil, "3"},
		{map[string]types.MessageAttributeValue{"contact": s("String", "c1")}, "1 3"},
		{map[string]types.MessageAttributeValue{"contact": s("String", "c2")}, "3"},
		{map[string]types.MessageAttributeValue{"contact": s("String.Array", `["c1","c2"]`), "kind": s("String", "fall")}, "1 2 3"},
		{map[string]types.MessageAttributeValue{"contact": s("String.Array", `["c9"]`), "kind": s("String", "fall")}, "3"},
	} {
		before := len(notices(t, w))
		w.publish(t, "x", c.attrs)
		var got []string
		for _, n := range notices(t, w)[before:] {
			got = append(got, strings.TrimPrefix(n.To, "+3360000000"))
		}
		for i := range got { // in order of subscription ids, which are random
			for j := i + 1; j < len(got); j++ {
				if got[j] < got[i] {
					got[i], got[j] = got[j], got[i]
				}
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%v reached %q, want %q", c.attrs, s, c.want)
		}
	}
}

func TestFilterPolicyWithOtherOperatorsIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	for _, p := range []string{`{"a":[{"prefix":"x"}]}`, `{"a":[1]}`, `{"a":[]}`, `{"a":"b"}`, `[]`, `{`} {
		_, err := w.sns.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: w.topic(), Protocol: aws.String("sms"), Endpoint: aws.String("+33600000001"), Attributes: map[string]string{"FilterPolicy": p}})
		if err == nil || !strings.Contains(err.Error(), "FilterPolicy") {
			t.Errorf("%s: error = %v", p, err)
		}
	}
}

func TestOutboxFilesAndSubscribers(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, func(o *standin.Options) { o.Dir = dir })
	news, stop := w.s.Outbox().Subscribe()
	text := strings.Repeat("é", 161) // GSM has é: two parts
	if _, err := w.sns.Publish(t.Context(), &sns.PublishInput{PhoneNumber: aws.String("+33612345678"), Message: &text,
		MessageAttributes: map[string]types.MessageAttributeValue{"AWS.SNS.SMS.SenderID": {DataType: aws.String("String"), StringValue: aws.String("SOLE")}}}); err != nil {
		t.Fatal(err)
	}
	n := <-news
	if n.Kind != "sms" || n.To != "+33612345678" || n.From != "SOLE" || n.Text != text || n.Parts != 2 || n.Seq != 1 {
		t.Errorf("notice = %+v", n)
	}
	stop()
	if _, open := <-news; open {
		t.Error("the channel goes on after stop")
	}
	files, err := filepath.Glob(filepath.Join(dir, "outbox", "*.txt"))
	if err != nil || len(files) != 1 || filepath.Base(files[0]) != "000001-sms-+33612345678.txt" {
		t.Fatalf("files = %v, %v", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil || !strings.Contains(string(data), "To: +33612345678\n") || !strings.HasSuffix(string(data), "\n\n"+text+"\n") {
		t.Errorf("file = %q, %v", data, err)
	}
	if code, body := get(t, w.srv.URL+"/_standin/outbox?after=0"); code != http.StatusOK || !strings.Contains(body, `"kind":"sms"`) {
		t.Errorf("outbox over http: %d %s", code, body)
	}
	if code, body := get(t, w.srv.URL+"/_standin/outbox?after=1"); code != http.StatusOK || strings.TrimSpace(body) != "[]" {
		t.Errorf("nothing after 1: %d %s", code, body)
	}
	if code, _ := get(t, w.srv.URL+"/_standin/outbox?after=x"); code != http.StatusBadRequest {
		t.Errorf("bad sequence: %d", code)
	}
}
