package contract_test

import (
	"context"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"solewatch/internal/standin"
	"solewatch/internal/standin/contract"
)

// TestContract holds the stand-in to the contract, or, where CONTRACT_ENDPOINT names one, another endpoint;
// CONTRACT_SERVICES (dynamodb,sqs,sns) then says which of its services.
func TestContract(t *testing.T) {
	if endpoint := os.Getenv("CONTRACT_ENDPOINT"); endpoint != "" {
		var services []string
		if v := os.Getenv("CONTRACT_SERVICES"); v != "" {
			services = strings.Split(v, ",")
		}
		contract.Run(t, endpoint, nil, services...)
		return
	}
	s, err := standin.Open(standin.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s)
	s.SetEndpoint(srv.URL)
	t.Cleanup(func() {
		srv.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	contract.Run(t, srv.URL, setup{s})
}

// setup makes tables and queues as the host does from the template.
type setup struct{ s *standin.Server }

func (u setup) Table(_ context.Context, name, sortType string) error {
	key := func(hash, sort, typ string) standin.KeySchema {
		return standin.KeySchema{Partition: standin.Attr{Name: hash, Type: "S"}, Sort: standin.Attr{Name: sort, Type: typ}}
	}
	g := key("gpk", "gsk", "S")
	return u.s.EnsureTable(standin.Table{Name: name, Key: key("pk", "sk", sortType), TTLAttribute: "expires", StreamView: "NEW_AND_OLD_IMAGES",
		Indexes: []standin.Index{{Name: contract.IndexAll, Key: g, Projection: "ALL"}, {Name: contract.IndexKeys, Key: g, Projection: "KEYS_ONLY"},
			{Name: contract.IndexSome, Key: g, Projection: "INCLUDE", Include: []string{"a"}}}})
}

func (u setup) Queue(_ context.Context, name, deadLetter string, maxReceives int) error {
	q := standin.Queue{Name: name, Visibility: 30 * time.Second}
	if deadLetter != "" {
		q.DeadLetterARN, q.MaxReceives = u.s.QueueARN(deadLetter), maxReceives
	}
	return u.s.EnsureQueue(q)
}
