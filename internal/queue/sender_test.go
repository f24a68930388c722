package queue

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// What SQS may answer for a batch of three, and which of the three may then be acknowledged.
func TestSendBelievesOnlyTheEntry(t *testing.T) {
	good := func(id, body string) map[string]string {
		sum := md5.Sum([]byte(body))
		return map[string]string{"Id": id, "MessageId": "m" + id, "MD5OfMessageBody": hex.EncodeToString(sum[:])}
	}
	bad := map[string]any{"Id": "1", "Code": "InternalError", "Message": "try again", "SenderFault": false}
	for _, tt := range []struct {
		name   string
		status int
		answer map[string]any
		want   [3]bool
	}{
		{"all", 200, map[string]any{"Successful": []any{good("0", "a"), good("1", "b"), good("2", "c")}}, [3]bool{true, true, true}},
		{"one failed", 200, map[string]any{"Successful": []any{good("2", "c"), good("0", "a")}, "Failed": []any{bad}}, [3]bool{true, false, true}},
		{"one not mentioned", 200, map[string]any{"Successful": []any{good("0", "a"), good("1", "b")}}, [3]bool{true, true, false}},
		{"one both", 200, map[string]any{"Successful": []any{good("0", "a"), good("1", "b")}, "Failed": []any{bad}}, [3]bool{true, false, false}},
		{"wrong checksum", 200, map[string]any{"Successful": []any{good("0", "a"), good("1", "x"), good("2", "c")}}, [3]bool{true, false, true}},
		{"no checksum", 200, map[string]any{"Successful": []any{good("0", "a"), map[string]string{"Id": "1", "MessageId": "m1"}, good("2", "c")}}, [3]bool{true, false, true}},
		{"stranger", 200, map[string]any{"Successful": []any{good("7", "a"), good("x", "b"), good("-1", "b")}}, [3]bool{}},
		{"nothing", 200, map[string]any{}, [3]bool{}},
		{"500", 500, map[string]any{"__type": "InternalFailure"}, [3]bool{}},
		{"throttled", 400, map[string]any{"__type": "RequestThrottled"}, [3]bool{}},
	} {
		calls := 0
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls++
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			w.WriteHeader(tt.status)
			json.NewEncoder(w).Encode(tt.answer)
		}))
		s := NewSender(testConfig(srv.URL), srv.URL+"/000000000000/track")
		errs := s.Send(t.Context(), []string{"a", "b", "c"})
		srv.Close()
		for i, want := range tt.want {
			if (errs[i] == nil) != want {
				t.Errorf("%s: entry %d error = %v, want accepted = %t", tt.name, i, errs[i], want)
			}
		}
		if calls != 1 {
			t.Errorf("%s: %d calls, want 1: who sends decides when to send again", tt.name, calls)
		}
	}
}

// What goes over the wire is what was given, whatever its characters.
func TestSendWritesTheBodies(t *testing.T) {
	bodies := []string{`{"v":1,"frames":[{"raw":"AQI="}]}`, "\"\\ \t\n\x01\x7f é 漢 🦶", ""}
	var got struct {
		QueueUrl string
		Entries  []struct{ Id, MessageBody string }
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := json.NewDecoder(r.Body).Decode(&got)
		if err != nil || r.Header.Get("X-Amz-Target") != "AmazonSQS.SendMessageBatch" || !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
			t.Errorf("request %v: %v", r.Header, err)
		}
		w.Write([]byte("{}"))
	}))
	defer srv.Close()
	url := srv.URL + "/000000000000/track"
	NewSender(testConfig(srv.URL), url).Send(t.Context(), bodies)
	if got.QueueUrl != url || len(got.Entries) != len(bodies) {
		t.Fatalf("sent %+v", got)
	}
	for i, b := range bodies {
		if e := got.Entries[i]; e.MessageBody != b || e.Id != ids[i] {
			t.Errorf("entry %d sent as %q %q, want %q", i, e.Id, e.MessageBody, b)
		}
	}
}

func TestSendToNobody(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	errs := NewSender(testConfig(srv.URL), srv.URL).Send(t.Context(), []string{"a"})
	if len(errs) != 1 || errs[0] == nil || errors.Is(errs[0], ErrRefused) || !strings.Contains(errs[0].Error(), "sending 1 messages") {
		t.Errorf("Send to a closed port: %v", errs)
	}
}

func testConfig(endpoint string) aws.Config {
	return aws.Config{Region: "eu-west-3", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("x", "x", "")}
}
