// Package standintest gives tests the product's table, served by the stand-in over AWS's wire protocol.
package standintest

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"solewatch/internal/standin"
	"solewatch/internal/store"
)

// Table is the name of the table that Store works on.
const Table = "solewatch"

// Open starts a stand-in with the product's table, and ends it with the test. now nil means time.Now.
func Open(t testing.TB, now func() time.Time) (*standin.Server, aws.Config) {
	t.Helper()
	srv := open(t, now)
	hs := httptest.NewServer(srv)
	srv.SetEndpoint(hs.URL)
	t.Cleanup(func() {
		hs.CloseClientConnections()
		hs.Close()
		err := srv.Close()
		if err != nil {
			t.Errorf("closing the stand-in: %v", err)
		}
	})
	return srv, aws.Config{
		Region: "eu-west-3", BaseEndpoint: &hs.URL,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}
}

// Store starts a stand-in and returns the store on its table. now nil means time.Now.
func Store(t testing.TB, now func() time.Time) (*store.Store, *standin.Server) {
	t.Helper()
	srv, cfg := Open(t, now)
	st := store.New(cfg, Table, store.Patience{Dial: time.Second, Attempt: 5 * time.Second, Attempts: 2, Backoff: 10 * time.Millisecond})
	st.Now = now
	return st, srv
}

// Unserved is Open without a listener, for tests under virtual time: whoever has the configuration brings an HTTP client that hands its
// requests to the server in memory.
func Unserved(t testing.TB) (*standin.Server, aws.Config) {
	t.Helper()
	srv := open(t, nil)
	base := "http://standin.test"
	srv.SetEndpoint(base)
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Errorf("closing the stand-in: %v", err)
		}
	})
	return srv, aws.Config{Region: "eu-west-3", BaseEndpoint: &base, Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")}
}

// open is a stand-in with the product's table.
func open(t testing.TB, now func() time.Time) *standin.Server {
	t.Helper()
	srv, err := standin.Open(standin.Options{Dir: t.TempDir(), SweepEvery: -1, Now: now})
	if err != nil {
		t.Fatalf("opening the stand-in: %v", err)
	}
	err = srv.EnsureTable(standin.Table{
		Name: Table,
		Key:  standin.KeySchema{Partition: standin.Attr{Name: "PK", Type: "S"}, Sort: standin.Attr{Name: "SK", Type: "S"}},
		Indexes: []standin.Index{{
			Name:       store.DueIndex,
			Key:        standin.KeySchema{Partition: standin.Attr{Name: "duePK", Type: "S"}, Sort: standin.Attr{Name: "dueSK", Type: "S"}},
			Projection: "KEYS_ONLY",
		}},
		TTLAttribute: "ttl", StreamView: "NEW_AND_OLD_IMAGES",
	})
	if err != nil {
		t.Fatalf("making the table: %v", err)
	}
	return srv
}
